"""A sweep whose jobs another launcher runs, such as joblib's, submitit's or Ray's.

It ends like one of the own launcher: the records are read and summarized. Imports no torch.
"""

import shutil
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

import psutil
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig

from cnncompare.config.schema import Config
from cnncompare.errors import CnncompareError, ConfigError, Interrupted, LockedError, first_line
from cnncompare.language.catalogue import in_language
from cnncompare.runs.lifecycle import fail_run, finished_run
from cnncompare.runs.record import Failure, RunRecord
from cnncompare.runs.run import read_existing
from cnncompare.runs.storage import is_locked
from cnncompare.sweep.job_state import Job
from cnncompare.sweep.job_status import JobOutcome, OutcomeKind
from cnncompare.sweep.run_sweep import make_jobs, print_summary
from cnncompare.system.signals import RaiseInterrupted, StopSignalHandler

ON_OTHER_MACHINES = ("SlurmLauncher", "RayLauncher")
GONE = Failure(type="JobExited", message="its process ended without an error message")


def runs_here(launcher: Launcher) -> bool:
    """Return whether the jobs use the devices of this machine."""
    return type(launcher).__name__ not in ON_OTHER_MACHINES


def launch_jobs(
    launcher: Launcher,
    configs: Sequence[Config],
    composed: Sequence[DictConfig],
    job_overrides: Sequence[Sequence[str]],
    first: int = 0,
) -> None:
    """Run the jobs that are not finished, and print the table and list of `run_jobs`.

    `first` is the number of jobs that were launched before. Raises RunError at the end if any did
    not finish, and Interrupted if a signal stopped the sweep.
    """
    _check(launcher)
    jobs = make_jobs(configs, composed, job_overrides)
    launched: dict[Path, Job] = {}
    for job in jobs:
        if not finished_run(job.config):
            launched.setdefault(job.config.run_folder(), job)  # two jobs can have the same run
    earlier = {folder: _record(folder) for folder in launched}
    returned, problem = _launch(launcher, list(launched.values()), first)
    outcomes = {
        folder: _outcome(job, earlier[folder], result, problem)
        for (folder, job), result in zip(launched.items(), returned, strict=True)
    }
    skipped = JobOutcome("skipped")
    with in_language(configs[0].language):
        print_summary(
            jobs, {job.number: outcomes.get(job.config.run_folder(), skipped) for job in jobs}
        )


def _check(launcher: Launcher) -> None:
    if type(launcher).__name__ == "SlurmLauncher" and shutil.which("srun") is None:
        raise ConfigError(
            "the launcher for Slurm needs srun, which is not found here; start the sweep on a "
            "machine of the cluster"
        )


def _launch(
    launcher: Launcher, jobs: Sequence[Job], first: int
) -> tuple[Sequence[JobReturn | None], str]:
    """Return the result of each job; without results, None for each, and the reason."""
    if not jobs:
        return [], ""
    wait_for_others = _watch(launcher)
    with _stop_handler(launcher) as stop:
        try:
            overrides = [job.overrides for job in jobs]
            return launcher.launch(overrides, initial_job_idx=first), ""
        except CnncompareError:
            raise
        except Exception as error:  # of the launcher: the first job without a result, for example
            wait_for_others()
            return [None] * len(jobs), f"{type(error).__name__}: {first_line(error)}"
        finally:
            stop.raise_if_received()


def _watch(launcher: Launcher) -> Callable[[], None]:
    """Return a function that waits until no job runs; only Slurm's go on without the launcher."""
    if type(launcher).__name__ == "SlurmLauncher":
        from cnncompare.sweep.slurm_states import watch_slurm_jobs

        return watch_slurm_jobs().wait
    return lambda: None


class _Stop(RaiseInterrupted):
    """Raises Interrupted for a signal, in the launcher."""

    def raise_if_received(self) -> None:
        """Do nothing: the exception is on its way."""


class _StopWorkers(StopSignalHandler):
    """Forwards SIGTERM to the child processes, whose jobs then close their records.

    A terminal sends SIGINT to them too. A second signal stops at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self._received: int | None = None

    def handle(self, number: int, frame: FrameType | None) -> None:
        if self._received is not None:
            raise Interrupted(number)
        self._received = number
        if number != signal.SIGINT:
            for child in psutil.Process().children():
                with suppress(psutil.Error):
                    child.terminate()

    def raise_if_received(self) -> None:
        """Raise Interrupted once the launcher has returned, or failed, after a signal."""
        if self._received is not None:
            raise Interrupted(self._received)


def _stop_handler(launcher: Launcher) -> _Stop | _StopWorkers:
    return _StopWorkers() if type(launcher).__name__ == "JoblibLauncher" else _Stop()


def _record(folder: Path) -> RunRecord | None:
    run = read_existing(folder)
    return None if run is None else run.record


def _outcome(
    job: Job, earlier: RunRecord | None, returned: JobReturn | None, problem: str
) -> JobOutcome:
    """Return the outcome of a launched job from its record and, if there is one, its result."""
    record = _closed_record(job.config, earlier)
    kind: OutcomeKind = "interrupted" if record and record.status == "interrupted" else "failed"
    if returned is not None and returned.status is JobStatus.FAILED:
        return JobOutcome(kind, first_line(returned._return_value))
    if record is None:
        return JobOutcome("not started", problem or "it has no record")
    if record.status == "finished":
        return JobOutcome("finished")
    return JobOutcome(kind, record.error.text if record.error else problem)


def _closed_record(config: Config, earlier: RunRecord | None) -> RunRecord | None:
    """Return the record, None unless it was written since; close it if its process is gone."""
    folder = config.run_folder()
    record = _record(folder)
    if record is None or (record == earlier and not finished_run(config)):
        return None
    if record.status == "running" and not is_locked(folder):
        with suppress(LockedError):  # another process has taken over the run
            fail_run(config, GONE)
        record = _record(folder)
    return record
