"""The jobs of a sweep, each in a fresh process, and the table at the end; imports no torch."""

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig

from cnncompare.config.schema import Config
from cnncompare.errors import RunError
from cnncompare.runs.run import Run, read_existing
from cnncompare.sweep.job_state import Job
from cnncompare.sweep.queue import Queue
from cnncompare.sweep.resources import places_for
from cnncompare.terminal.result import print_next_steps
from cnncompare.terminal.sweep_table import print_sweep_table


def run_jobs(
    configs: Sequence[Config],
    composed: Sequence[DictConfig],
    overrides: Sequence[Sequence[str]],
) -> None:
    """Run the jobs and print their table and what did not finish.

    A job that fails does not stop the others. Raises RunError at the end when any did not finish,
    and Interrupted when a signal stopped the sweep.
    """
    jobs = make_jobs(configs, composed, overrides)
    with tempfile.TemporaryDirectory(prefix="cnncompare-") as folder:
        queue = Queue(jobs, places_for(configs), Path(folder))
        queue.run()
    _print_table(jobs, queue)


def make_jobs(
    configs: Sequence[Config],
    composed: Sequence[DictConfig],
    overrides: Sequence[Sequence[str]],
) -> list[Job]:
    """Return the jobs, numbered from 1, labelled by the words in which they differ."""
    counts = Counter(word for words in overrides for word in set(words))
    common = {word for word, count in counts.items() if count == len(overrides)}
    return [
        Job(
            number,
            config,
            settings,
            tuple(words),
            label=" ".join(word for word in words if word not in common) or config.run_id(),
        )
        for number, (config, settings, words) in enumerate(
            zip(configs, composed, overrides, strict=True), start=1
        )
    ]


def _print_table(jobs: Sequence[Job], queue: Queue) -> None:
    runs = [run for job in jobs if (run := read_existing(job.config.run_folder()))]
    print_sweep_table(_once(runs))
    kinds = Counter(ending.kind for ending in queue.endings.values())
    print(", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())), flush=True)
    open_jobs = [job for job in jobs if queue.endings[job.number].kind in ("failed", "interrupted")]
    for job in open_jobs:
        ending = queue.endings[job.number]
        print(f"  {ending.kind:11}  {job.label}  {ending.cause}", flush=True)
    print_next_steps([run.folder.parent for run in runs])
    if open_jobs:
        raise RunError(
            f"{len(open_jobs)} of {len(jobs)} jobs did not finish; the same command runs them again"
        )


def _once(runs: list[Run]) -> list[Run]:
    """Two jobs may name one configuration, and so one run."""
    return list({run.folder: run for run in runs}.values())
