"""``python -m tests.crash [SCENARIO...]``: break every call of the commands, and count failures."""

import argparse
import gc
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.crash import shim

if TYPE_CHECKING:
    from tests.crash.points import Count

RACES = "races"  # sweeps of which processes are killed at random
STRACE = "strace"  # some points of the run, with strace in place of the preloaded library
OTHERS = (STRACE, RACES)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("scenarios", nargs="*", help="default: all")
    parser.add_argument("--actions", nargs="*", help="default: all")
    parser.add_argument("--every", type=int, default=1, help="try each N-th call only")
    arguments = parser.parse_args()
    if not arguments.scenarios or set(arguments.scenarios) - set(OTHERS):
        shim.restart_preloaded()
    os.environ["OMP_NUM_THREADS"] = "1"
    import torch

    from tests.crash.points import ACTIONS, adopt_orphans, try_points
    from tests.crash.scenarios import SCENARIOS

    torch.set_num_threads(1)
    adopt_orphans()
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    failures = 0
    folder = tempfile.mkdtemp(prefix="cnncompare-crash-", dir=memory)
    try:  # TemporaryDirectory would remove it at the end of each forked process
        for name in arguments.scenarios or [*SCENARIOS, *OTHERS]:
            if name in OTHERS:
                failures += {RACES: races, STRACE: traced}[name](Path(folder))
                continue
            started = time.monotonic()
            statics = Path(folder) / f"{name} data"
            statics.mkdir()
            scenario = SCENARIOS[name](statics)
            gc.collect()
            gc.freeze()  # no forked process scans the objects of this one
            for action, count in try_points(
                scenario,
                Path(folder) / "trial",
                arguments.actions or list(ACTIONS),
                lambda n: range(1, n + 1, arguments.every),
                lambda text: print(text, flush=True),
            ):
                failures += len(count.failures)
                print_count(name, action, count, time.monotonic() - started)
    finally:
        shutil.rmtree(folder)
    return min(failures, 1)


def print_count(name: str, action: str, count: "Count", seconds: float) -> None:
    line = f"{name:8} {action:10} {count.points:4} points {len(count.failures):3} failures"
    line += f" {count.repeated:3} repeated {count.missed:3} missed {seconds:6.0f} s"
    print(line, flush=True)


def traced(folder: Path) -> int:
    """Try some points of the run under strace; return the number of failures."""
    from tests.crash.points import count_result
    from tests.crash.scenarios import training
    from tests.crash.traced import can_trace, try_traced

    if not can_trace():
        print("strace    is missing, or may not attach: left out")
        return 0
    statics, trial, started = folder / "strace data", folder / "trial", time.monotonic()
    statics.mkdir()
    scenario = training(statics)
    expected = count_result(scenario, trial)
    (run,) = expected
    failures = 0
    for action, count in try_traced(scenario, trial, Path("outputs/default") / run, expected):
        failures += len(count.failures)
        print_count(STRACE, action, count, time.monotonic() - started)
    return failures


def races(folder: Path) -> int:
    """Kill sweeps and their jobs at random; return the number of failures."""
    from tests.crash.points import count_result
    from tests.crash.races import Race, run_race, run_retries
    from tests.crash.scenarios import sweep

    statics, trial = folder / "races data", folder / "trial"
    statics.mkdir()
    epochs = "trainer.max_epochs=5"
    one, retried = (sweep(statics, epochs, *more, seeds=4) for more in ([], ["sweep.retries=99"]))
    expected = count_result(one, trial)
    failures = 0

    def tell(name: str, race: Race) -> None:
        nonlocal failures
        failures += len(race.failures)
        print(*race.failures, sep="\n", end="\n" if race.failures else "")
        line = f"{name:24} {race.kills['sweep']:3} sweeps and {race.kills['job']:3} jobs killed"
        line += (
            f" {race.epochs:3} epochs {race.repeated:2} repeated {len(race.failures):2} failures"
        )
        print(line, flush=True)

    for sweeps in (2, 4):
        race = run_race(one, trial, expected, sweeps=sweeps, kills=12, seed=sweeps)
        tell(f"{sweeps} identical sweeps", race)
    expected = count_result(retried, trial)  # config.yaml has the retries
    tell("a sweep with retries", run_retries(retried, trial, expected, kills=12, seed=0))
    return failures


if __name__ == "__main__":
    sys.exit(main())
