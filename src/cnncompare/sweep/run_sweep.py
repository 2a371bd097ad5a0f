"""Execution of a sweep, with the summary table at its end; imports no torch."""

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from omegaconf import DictConfig

from cnncompare.config.schema import Config
from cnncompare.errors import RunError
from cnncompare.language.catalogue import in_language, tr
from cnncompare.runs.output_errors import output_failure
from cnncompare.runs.run import Run, read_existing
from cnncompare.sweep.job_state import Job
from cnncompare.sweep.job_status import JobOutcome
from cnncompare.sweep.queue import JobQueue
from cnncompare.sweep.resources import slots_for
from cnncompare.system.signals import RaiseInterrupted
from cnncompare.terminal.formatting import padded
from cnncompare.terminal.result import print_next_steps
from cnncompare.terminal.sweep_table import print_sweep_table


def run_jobs(
    configs: Sequence[Config],
    composed: Sequence[DictConfig],
    job_overrides: Sequence[Sequence[str]],
) -> None:
    """Run the jobs and print a table of them and a list of those that did not finish.

    A job that fails does not stop the others. Raises RunError at the end if any did not finish,
    and Interrupted if a signal stopped the sweep.
    """
    jobs = make_jobs(configs, composed, job_overrides)
    with in_language(configs[0].language):
        with (
            RaiseInterrupted(),
            unwritten_in_one_line(),
            tempfile.TemporaryDirectory(prefix="cnncompare-", ignore_cleanup_errors=True) as folder,
        ):
            queue = JobQueue(jobs, slots_for(configs), Path(folder))
            queue.run()
        print_summary(jobs, queue.outcomes)


@contextmanager
def unwritten_in_one_line() -> Iterator[None]:
    """Raise RunError for a file of the sweep's own that cannot be written; its jobs end with it."""
    try:
        yield
    except OSError as error:
        failure = output_failure(Path(tempfile.gettempdir()) / "job", error)
        if failure is None:
            raise
        raise RunError(
            f"the sweep stops: {failure.message}; the same command continues it"
        ) from error


def make_jobs(
    configs: Sequence[Config],
    composed: Sequence[DictConfig],
    job_overrides: Sequence[Sequence[str]],
) -> list[Job]:
    """Return the jobs, numbered from 1 and labelled with the overrides that not all of them have.

    A job without such overrides is labelled with its run id.
    """
    counts = Counter(override for overrides in job_overrides for override in set(overrides))
    common = {override for override, count in counts.items() if count == len(job_overrides)}
    rows = zip(configs, composed, job_overrides, strict=True)
    return [
        Job(
            number,
            config,
            settings,
            tuple(overrides),
            label=" ".join(o for o in overrides if o not in common) or config.run_id(),
        )
        for number, (config, settings, overrides) in enumerate(rows, start=1)
    ]


def print_summary(jobs: Sequence[Job], outcomes: Mapping[int, JobOutcome]) -> None:
    """Print the end of a sweep: a table of the runs, and the jobs that did not finish.

    Raises RunError if there are any.
    """
    runs = [run for job in jobs if (run := read_existing(job.config.run_folder()))]
    print_sweep_table(_distinct(runs))
    kinds = Counter(outcome.kind for outcome in outcomes.values())
    counts = [tr("{n} {kind}", n=n, kind=tr(kind)) for kind, n in sorted(kinds.items())]
    print(", ".join(counts), flush=True)
    unfinished = [job for job in jobs if outcomes[job.number].kind not in ("finished", "skipped")]
    for job in unfinished:
        outcome = outcomes[job.number]
        print(f"  {padded(tr(outcome.kind), 11)}  {job.label}  {outcome.reason}", flush=True)
    print_next_steps([run.folder.parent for run in runs])
    if unfinished:
        raise RunError(
            f"{len(unfinished)} of {len(jobs)} jobs did not finish; "
            "the same command runs them again"
        )


def _distinct(runs: list[Run]) -> list[Run]:
    """Return each run once: two jobs can have the same configuration and so the same run."""
    return list({run.folder: run for run in runs}.values())
