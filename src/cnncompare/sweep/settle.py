"""``cnncompare settle``: train further seeds where they help, until the best network is known.

The jobs are those of a sweep, in the same folders. Imports no torch.
"""

import itertools
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from omegaconf import DictConfig

from cnncompare.comparison.load import Result
from cnncompare.comparison.race import Race
from cnncompare.config.schema import Config
from cnncompare.errors import ConfigError, RunError
from cnncompare.runs.lifecycle import finished_run, reusable_run
from cnncompare.runs.run import read_existing
from cnncompare.sweep.candidates import Candidate, find_candidates
from cnncompare.sweep.job_state import Job
from cnncompare.sweep.job_status import JobOutcome
from cnncompare.sweep.queue import JobQueue
from cnncompare.sweep.resources import slots_for
from cnncompare.sweep.run_costs import RunCosts
from cnncompare.sweep.settle_options import SettleOptions
from cnncompare.sweep.settle_state import (
    STATE,
    CandidateSection,
    ObservedRun,
    SettleState,
    load_state,
    load_trained,
    pairs_of,
    restore_pairs,
)
from cnncompare.sweep.settle_text import Limit, Verdict, make_verdict, standing
from cnncompare.system import strict_json
from cnncompare.system.signals import RaiseInterrupted
from cnncompare.terminal.result import print_next_steps

Key = tuple[int, int]  # network and seed


def settle(
    configs: Sequence[Config],
    composed: Sequence[DictConfig],
    job_overrides: Sequence[Sequence[str]],
    options: SettleOptions,
) -> None:
    """Run jobs until the race is settled or a limit is reached, and print the verdict.

    Raises ConfigError before anything starts if the jobs cannot be compared or the budget is below
    the cheapest job, RunError if no network trains, and Interrupted after a signal.
    """
    candidates = find_candidates(configs, composed, job_overrides)
    with standard_output_on_error(options.json):
        with RaiseInterrupted(), tempfile.TemporaryDirectory(prefix="cnncompare-") as folder:
            race = SettleRace(candidates, options, Path(folder))
            race.run()
        verdict = race.verdict()
        print(f"\n{verdict.verdict}", flush=True)
        print_next_steps([race.study])
    if options.json:
        print(strict_json.dumps(verdict.content()), flush=True)
    if verdict.leader is None and len(verdict.out) == len(candidates):
        first = verdict.out[0]
        raise RunError(f"no network trained; {first['label']} {first['reason']}")


def _failure(job: Job, outcome: JobOutcome) -> str:
    """Return the recorded reason, which is shorter than that of the outcome."""
    run = read_existing(job.config.run_folder())
    error = run.record.error if run else None
    return error.text if error else outcome.reason


@contextmanager
def standard_output_on_error(enabled: bool) -> Iterator[None]:
    """Let this process and its jobs write to standard error what is for standard output."""
    if not enabled:
        yield
        return
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


class SettleRace:
    """A race with its jobs, their costs, and the time that they may take."""

    def __init__(self, candidates: list[Candidate], options: SettleOptions, folder: Path) -> None:
        self.study = candidates[0].config.run_folder().parent
        self._candidates = candidates
        self._labels = [candidate.label for candidate in candidates]
        self._budget_s = options.budget_s
        self._folder = folder  # for the files of the jobs
        self._costs = RunCosts(candidates, folder)
        self._started_at = time.monotonic()
        self._race = Race(len(candidates), margin=options.margin / 100, max_seeds=options.max_seeds)
        self._fingerprint: str | None = None
        self._observed: dict[Key, ObservedRun] = {}
        self._pending: dict[int, Key] = {}  # by number of the job
        self._resumed: set[int] = set()  # numbers of jobs that continue an interrupted run
        self._state = self._restore()
        self._replay()
        self._numbers = itertools.count(len(self._observed) + 1)

    def _restore(self) -> SettleState:
        """Return the saved state of these candidates, whose runs and intervals are used again."""
        state = load_state(self.study / STATE)
        margin = self._race.margin
        if state is None or not state.has_candidates(self._candidates):
            return SettleState(margin=margin, runs=state.runs if state else [])
        numbers = {candidate.recipe: k for k, candidate in enumerate(self._candidates)}
        for section in state.candidates:
            self._costs.probed[numbers[section.recipe_hash]] = section.probed_s
        return state.model_copy(update={"margin": margin})

    def run(self) -> None:
        """Run jobs until none helps or none is affordable."""
        self._check_budget()
        configs = [candidate.config for candidate in self._candidates]
        slots = slots_for(configs)
        self._workers = slots.parallel_jobs(configs)
        if self._observed:
            print(self._standing(), flush=True)
        if jobs := self._next_jobs(unfinished=0):
            JobQueue(jobs, slots, self._folder, on_close=self._close).run()
        self._save(self.verdict())

    def verdict(self) -> Verdict:
        """Return the verdict on what was observed."""
        return make_verdict(
            self._race,
            self._labels,
            costs=self._costs.expected_s(),
            seconds=self._seconds(),
            limit=self._limit(),
        )

    def _replay(self) -> None:
        """Observe the runs of the saved state in their order, so that its intervals stay valid."""
        numbers = {candidate.recipe: k for k, candidate in enumerate(self._candidates)}
        for run in self._state.runs:
            k = numbers.get(run.recipe_hash)
            if k is not None and finished_run(self._candidates[k].job(0, run.seed).config):
                self._observe((k, run.seed), run.wall_s)
        if self._state.has_candidates(self._candidates):
            restore_pairs(self._race, self._state, self._candidates)
        for k in range(len(self._candidates)):  # runs that did not train are not in the state
            if self._is_free(k):
                self._loaded((k, self._next_seed(k)))

    def _check_budget(self) -> None:
        """Probe the candidates without a finished run; raise ConfigError if none is affordable."""
        if self._budget_s is None:
            return
        for k in range(len(self._candidates)):
            if self._costs.is_known(k) or self._is_free(k):
                continue
            if problem := self._costs.probe(k):
                self._race.failed[k] = f"failed: {problem}"
        costs = self._costs.expected_s()
        free = any(self._is_free(k) for k in range(len(costs)))
        if not self._observed and not free and min(costs) > self._budget_s:
            cheapest = self._labels[int(np.argmin(costs))]
            raise ConfigError(
                f"budget={self._budget_s:g}s is below the cheapest job: {cheapest} needs about "
                f"{min(costs):.0f} s; a verdict needs at least two runs of each network, about "
                f"{2 * sum(costs):.0f} s"
            )

    def _seconds(self) -> float:
        return self._state.seconds + time.monotonic() - self._started_at

    def _left_s(self) -> float | None:
        return None if self._budget_s is None else self._budget_s - self._seconds()

    def _next_seed(self, network: int) -> int:
        taken = {seed for k, seed in (*self._observed, *self._pending.values()) if k == network}
        seed = self._candidates[network].first_seed
        while seed in taken:
            seed += 1
        return seed

    def _is_free(self, network: int) -> bool:
        """Return whether the network's next run is finished already."""
        config = self._candidates[network].job(0, self._next_seed(network)).config
        return finished_run(config) is not None

    def _next_jobs(self, unfinished: int) -> list[Job]:
        """Return the jobs that help most, so that as many as possible run at the same time."""
        jobs: list[Job] = []
        while unfinished + len(jobs) < self._workers and (k := self._next_network()) is not None:
            number, seed = next(self._numbers), self._next_seed(k)
            job = self._candidates[k].job(number, seed)
            run = reusable_run(job.config)
            if run is not None and run.record.status != "finished":
                self._resumed.add(number)
            self._pending[number] = (k, seed)
            jobs.append(job)
        return jobs

    def _next_network(self, *, at_any_cost: bool = False) -> int | None:
        networks = range(len(self._candidates))
        pending = np.array([sum(j == k for j, _ in self._pending.values()) for k in networks])
        free = [self._is_free(k) for k in networks]
        costs = [0.0 if free[k] else cost for k, cost in enumerate(self._costs.expected_s())]
        left_s = self._left_s()
        allowed = [at_any_cost or left_s is None or cost <= max(left_s, 0) for cost in costs]
        return self._race.next_network(costs, pending, allowed)

    def _limit(self) -> Limit | None:
        """Return what ended the race; None if it is settled."""
        if self._race.is_settled():
            return None
        if self._next_network(at_any_cost=True) is not None:
            return "the budget"
        return "the test images" if self._race.hopeless() else "max_seeds"

    def _close(self, queue: JobQueue, job: Job, outcome: JobOutcome) -> None:
        """Take the result of a job into the race and choose the next one."""
        key = self._pending.pop(job.number)
        if outcome.kind == "not started":  # a limit of the sweep has ended it
            return
        if outcome.kind == "failed":
            self._race.failed[key[0]] = f"failed: {_failure(job, outcome)}"
        elif outcome.kind in ("finished", "skipped"):
            run = finished_run(job.config)
            was_resumed = job.number in self._resumed
            self._observe(key, None if was_resumed or run is None else run.record.wall_s)
        self._save()
        queue.print_line(self._standing())
        for next_job in self._next_jobs(queue.unfinished):
            queue.add(next_job)

    def _observe(self, key: Key, wall_s: float | None) -> None:
        """Add a finished run to the race, unless it did not train."""
        result = self._loaded(key)
        if result is not None:
            self._check_images(result)
            self._add(key, result, wall_s)

    def _loaded(self, key: Key) -> Result | None:
        """Return a finished run; take its network out and return None if it did not train."""
        folder = self._candidates[key[0]].job(0, key[1]).config.run_folder()
        result, problem = load_trained(folder)
        if problem:
            self._race.failed[key[0]] = f"did not train: {problem}"
        return result

    def _add(self, key: Key, result: Result, wall_s: float | None) -> None:
        network, seed = key
        assert result.outcome is not None
        accuracy = float(result.outcome.correct1.mean())
        self._race.add(network, accuracy, result.outcome.correct1)
        self._costs.add(network, wall_s)
        recipe = self._candidates[network].recipe
        self._observed[key] = ObservedRun(
            recipe_hash=recipe, seed=seed, id=result.record.id, acc1=accuracy, wall_s=wall_s
        )

    def _check_images(self, result: Result) -> None:
        self._fingerprint = self._fingerprint or result.data.fingerprint
        if result.data.fingerprint != self._fingerprint:
            raise RunError(
                f"{result.run.folder} was tested on other images than the runs before it; the data "
                "must not change during a race"
            )

    def _standing(self) -> str:
        return standing(self._race, self._labels, self._left_s())

    def _save(self, verdict: Verdict | None = None) -> None:
        candidates = [
            CandidateSection(label=c.label, recipe_hash=c.recipe, probed_s=self._costs.probed[k])
            for k, c in enumerate(self._candidates)
        ]
        runs = list(self._observed.values())
        if not runs:
            return
        update = {
            "seconds": self._seconds(),
            "candidates": candidates,
            "runs": runs,
            "pairs": pairs_of(self._race, self._labels),
            "verdict": verdict and verdict.content(),
        }
        self._state.model_copy(update=update).save(self.study / STATE)
