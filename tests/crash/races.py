"""Identical sweeps at once, of which processes are killed at random: each job is trained once."""

import csv
import random
import signal
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.crash.points import Scenario, difference, fork_command, fresh, wait

SLOWEST_S = 20.0  # for the next epoch to begin
SETTLE = 3  # runs of the same command after the last kill, of which one must end well


@dataclass
class Race:
    """Counts of a race, and what went wrong in it."""

    sweeps: int
    kills: Counter[str] = field(default_factory=Counter)
    epochs: int = 0
    repeated: int = 0
    failures: list[str] = field(default_factory=list)
    _clocks: defaultdict[tuple[str, str], set[str]] = field(
        default_factory=lambda: defaultdict(set)
    )

    def look(self, outputs: Path) -> None:
        """Note the clocks of all finished epochs: a repeated epoch has others."""
        for path in outputs.rglob("epochs.csv"):
            if ".replaced" in path.parts:
                continue
            with path.open(newline="") as file:
                for row in csv.DictReader(file):
                    self._clocks[path.parent.name, row["epoch"]].add(row["train_s"])

    def close(self, outputs: Path) -> None:
        self.epochs = len(self._clocks)
        again = {key for key, clocks in self._clocks.items() if len(clocks) > 1}
        self.repeated = len(again)
        self.failures += [f"epoch {epoch} of {run} was trained again" for run, epoch in again]
        for path in outputs.rglob(".replaced/*/epochs.csv"):  # without one, no epoch was finished
            self.failures.append(f"{path.parent.name} was set aside: its epochs were lost")


def run_race(
    scenario: Scenario, folder: Path, expected: object, *, sweeps: int, kills: int, seed: int
) -> Race:
    """Run identical sweeps in one folder, and kill sweeps or jobs; a killed sweep starts again."""
    rng, race = random.Random(seed), Race(sweeps)
    fresh(scenario, folder)
    running = {fork_command(scenario, folder, f"{k}") for k in range(sweeps)}
    while running and race.kills.total() < kills:
        _watch(race, folder, rng.uniform(0.2, 1.5), begun=race.kills.total())
        _kill_one(scenario, folder, rng, running, race)
    for process in running:
        wait(process, orphans=False)
    for attempt in range(SETTLE):
        race.look(folder / "outputs")
        if wait(fork_command(scenario, folder, f"last {attempt}")) == 0:
            break
    else:
        race.failures.append(f"the same command does not end well: {_errors(folder)}")
    race.look(folder / "outputs")
    race.close(folder / "outputs")
    found = scenario.result(folder)
    if found != expected:
        race.failures.append(f"another result: {difference(expected, found)}")
    return race


def run_retries(
    scenario: Scenario, folder: Path, expected: object, *, kills: int, seed: int
) -> Race:
    """Run one sweep with retries, whose jobs are killed at random: it ends from one command."""
    rng, race = random.Random(seed), Race(1)
    fresh(scenario, folder)
    sweep = fork_command(scenario, folder, "only")
    while race.kills.total() < kills and psutil.Process(sweep).status() != psutil.STATUS_ZOMBIE:
        _watch(race, folder, rng.uniform(0.2, 1.5), begun=race.kills.total() + 1)
        jobs = _jobs(sweep)
        if jobs and _killed(rng.choice(jobs)):
            race.kills["job"] += 1
    code = wait(sweep)
    race.look(folder / "outputs")
    race.close(folder / "outputs")
    if code != 0:
        race.failures.append(f"the sweep ended with {code}: {_errors(folder)}")
    elif (found := scenario.result(folder)) != expected:
        race.failures.append(f"another result: {difference(expected, found)}")
    return race


def _watch(race: Race, folder: Path, seconds: float, *, begun: int) -> None:
    """Look at the records until so many epochs have begun, within limits, and for the seconds."""
    marks, started = folder / "marks", time.monotonic()
    while time.monotonic() - started < SLOWEST_S:
        if marks.exists() and len(marks.read_text().split()) >= begun:
            break
        time.sleep(0.02)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        race.look(folder / "outputs")
        time.sleep(0.05)


def _kill_one(
    scenario: Scenario, folder: Path, rng: random.Random, running: set[int], race: Race
) -> None:
    jobs = [job for sweep in sorted(running) for job in _jobs(sweep)]
    kind = rng.choice(["sweep", "job"]) if jobs else "sweep"
    victim = rng.choice(jobs if kind == "job" else sorted(running))
    if kind == "job":
        race.kills["job"] += _killed(victim)
        return
    running.discard(victim)
    if _killed(victim):
        race.kills["sweep"] += 1
    wait(victim, orphans=False)
    running.add(fork_command(scenario, folder, f"after kill {race.kills.total()}"))


def _jobs(sweep: int) -> list[int]:
    try:
        return [child.pid for child in psutil.Process(sweep).children()]
    except psutil.Error:
        return []


def _killed(process: int) -> bool:
    try:
        victim = psutil.Process(process)
        if victim.status() == psutil.STATUS_ZOMBIE:
            return False
        victim.send_signal(signal.SIGKILL)
    except psutil.Error:
        return False
    return True


def _errors(folder: Path) -> str:
    return " ".join(path.read_text()[-800:] for path in sorted(folder.glob("errors*")))
