"""Life cycle of a run: it is opened, started, makes progress, and is closed; imports no torch.

No other module decides whether a run is finished, can be resumed, or which status it has::

                open_run                start_run               close_on_exit
    (no folder) --------> (new folder) ----------> running --+---------------> finished
                                                   ^  |  ^   |
                                                   |  +--+   +---------------> failed
                                                   |  record_progress          interrupted
                                                   |                               |
              open_run, start_run: resumed         |                               |
              +------------------------------------+-------------------------------+
              |  interrupted; running, but its process is gone; failed from outside
              |
              +- any other failed run, and any run with force=true: its folder is set aside,
                 and a new one is opened

`fail_run` closes the record of a process that could not do so. `status_of` tells a run whose
process is gone from one that is running.
"""

import logging
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cnncompare.config.schema import Config
from cnncompare.errors import DataError, Interrupted, OutputError, RunError, first_line
from cnncompare.runs.output_errors import output_failure
from cnncompare.runs.record import Failure, RunRecord, Status
from cnncompare.runs.run import (
    BEST_CHECKPOINT,
    CHECKPOINTS,
    LAST_CHECKPOINT,
    LOG,
    RECORD,
    Run,
    read_existing,
)
from cnncompare.runs.storage import is_locked, lock, set_aside

log = logging.getLogger("cnncompare")

# Written by a sweep for a job whose process could not close its record; such a run is resumed. The
# last one is raised by submitit if a job reaches its time limit and is not requeued any more.
RESUMABLE_FAILURES = (
    *("JobKilled", "JobOutOfMemory", "JobTimedOut", "JobExited"),
    "UncompletedJobError",
    "OutputError",  # a file could not be written, for example on a full disk
)


def is_finished(run: Run | None) -> bool:
    """Return whether the run exists and was completed."""
    return run is not None and run.record.status == "finished"


def status_of(run: Run) -> Status:
    """Return the status; a record that says running without a process is interrupted."""
    status = run.record.status
    return "interrupted" if status == "running" and not is_locked(run.folder) else status


def finished_run(config: Config) -> Run | None:
    """Return the finished run of this configuration; None without one, or with `config.force`."""
    run = None if config.force else read_existing(config.run_folder())
    return run if is_finished(run) else None


def reusable_run(config: Config) -> Run | None:
    """Return the run that the configuration shows or resumes; None for one that starts anew."""
    run = None if config.force else read_existing(config.run_folder())
    return run if run and (is_finished(run) or _was_cut_short(run)) else None


@contextmanager
def open_run(config: Config, size_mb: float) -> Iterator[Run]:
    """Lock the run's folder and yield the run: finished, to be resumed, or new.

    `size_mb` is the size of the network's weights, from which the disk space is estimated. Raises
    OutputError without enough of it, LockedError while another process writes the run.
    """
    folder = config.run_folder()
    held = lock(folder)
    try:
        _check_space(folder, size_mb if config.trains else 0.0)
        existing = None if config.force else read_existing(folder) or _restored(folder, config)
        if existing and (is_finished(existing) or can_resume(existing)):
            run = existing
        else:
            if folder.exists():
                log.info("the earlier run has been moved to %s", set_aside(folder))
            run = _new_run(folder, config)
        run.start_session()
        yield run
    except OSError as error:  # outside `close_on_exit`: the folder or its log was not created
        failure = output_failure(folder, error)
        if failure is None:
            raise
        raise RunError(f"{folder.name}: {failure.message}") from error
    finally:
        held.release()


def _restored(folder: Path, config: Config) -> Run | None:
    """Return a run without results for a corrupt record next to an intact checkpoint.

    The corrupt file is kept under another name. The run resumes, so that no epoch is repeated.
    """
    path, fresh = folder / RECORD, Run(folder, _new_record(folder, config))
    if not path.exists() or not last_checkpoint(fresh).exists():
        return None
    try:
        return Run.read(folder)
    except DataError as error:
        kept = path.with_name(f"{RECORD}.corrupt")
        log.warning("%s; kept as %s, and the run continues from its checkpoint", error, kept.name)
        path.rename(kept)
    return fresh


def _check_space(folder: Path, size_mb: float) -> None:
    # best.ckpt, and twice, while saving, last.ckpt with two optimizer states and averaged weights
    needed_mb = 9 * size_mb + 32
    free_mb = shutil.disk_usage(folder.parent).free / 1e6
    if free_mb < needed_mb:
        raise OutputError(
            f"{folder.parent} has {free_mb:.0f} MB free, this run needs about {needed_mb:.0f}; "
            "free some space or choose another folder with output_root=PATH"
        )


def can_resume(run: Run) -> bool:
    """Return whether the run was stopped from outside and its checkpoints are intact.

    The caller holds the lock, so a record with status running belongs to a dead process. A run
    that failed by its own error starts over, so that its result comes from one version of the
    code and data.
    """
    if not _was_cut_short(run):
        return False
    if run.record.evaluation is not None:
        return True  # the journal of the tested images is validated where it is read
    last = last_checkpoint(run)
    if not last.exists():
        return False
    broken = [path for path in (last, last.with_name(BEST_CHECKPOINT)) if not _is_intact(path)]
    for path in broken:
        log.warning("%s is corrupt or missing: the run starts over", path)
    return not broken


def _was_cut_short(run: Run) -> bool:
    if run.record.status == "failed":
        return run.record.error is not None and run.record.error.type in RESUMABLE_FAILURES
    return run.record.status in ("running", "interrupted")


def last_checkpoint(run: Run) -> Path:
    """Return the path of `last.ckpt`, which need not exist."""
    return run.folder / CHECKPOINTS / LAST_CHECKPOINT


def checkpoint_to_resume(run: Run) -> Path | None:
    """Return the checkpoint from which an opened run resumes, None for a new run."""
    last = last_checkpoint(run)
    return last if last.exists() else None


def start_run(run: Run, **sections: Any) -> None:
    """Write the record with status running and the sections of its start."""
    run.change(status="running", error=None, finished_at=None, files={}, **sections)


def record_progress(run: Run, **sections: Any) -> None:
    """Write results of a running run, for example ``best=...`` or ``training={"epochs_done": 3}``.

    A dictionary changes fields of a section.
    """
    assert run.record.status == "running", f"{run.folder} is {run.record.status}"
    run.change(**sections)


def close_run(run: Run, status: Status, failure: Failure | None = None) -> None:
    """Write the final status, its reason and the duration of the run without `measuring_s`.

    The duration is that of all sessions, by a clock that is never set, without their pauses.
    """
    duration_s, inference = run.duration_s(), run.record.inference
    if duration_s is not None and inference is not None:
        duration_s = max(0.0, duration_s - inference.measuring_s)
    run.change(
        status=status,
        error=failure or run.record.error,
        files=run.closing_checksums(),
        finished_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        wall_s=None if duration_s is None else round(duration_s, 3),
    )


def fail_run(config: Config, failure: Failure, details: str = "") -> None:
    """Close the record as failed, on behalf of a process that could not; create it if missing.

    `details`, such as a traceback, are appended to the run's log. A finished record stays as it
    is.
    """
    folder = config.run_folder()
    held = lock(folder)
    try:
        run = read_existing(folder)
        if is_finished(run):
            return
        if run is None:
            if folder.exists():
                set_aside(folder)
            run = _new_run(folder, config)
        close_run(run, "failed", failure)
        with (folder / LOG).open("a", encoding="utf-8") as file:
            file.write(f"{failure.text}\n{details}")
    finally:
        held.release()


def _is_intact(path: Path) -> bool:
    """Return whether the file is a zip archive, as torch writes them, with valid checksums."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError):
        return False


def _new_run(folder: Path, config: Config) -> Run:
    folder.mkdir(parents=True)
    return Run(folder, _new_record(folder, config))


def _new_record(folder: Path, config: Config) -> RunRecord:
    return RunRecord(
        id=folder.name,
        label=config.model.name,
        name=config.name,
        started_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        config_hash=config.hash(),
    )


@contextmanager
def close_on_exit(run: Run) -> Iterator[None]:
    """Close the record as finished, interrupted or failed when the block ends.

    Raises RunError in place of any other exception, and Interrupted as it is.
    """
    run.start_session()
    try:
        yield
        close_run(run, "finished")
    except Interrupted as interruption:
        log.info("%s", interruption, exc_info=True)  # the traceback shows what a timeout stopped
        if not is_finished(run):  # the signal may come while the record is closed
            _close_if_possible(run, "interrupted", _failure(interruption))
        raise
    except SystemExit:  # of submitit, which has requeued the job
        _close_if_possible(run, "interrupted", Failure(type="Interrupted", message="requeued"))
        raise
    except Exception as error:
        log.exception("the run failed")
        unwritten = output_failure(run.folder, error)
        _close_if_possible(run, "failed", unwritten or _failure(error))
        if unwritten is not None:
            raise RunError(
                f"{run.folder.name}: {unwritten.message}; the same command continues the run"
            ) from error
        message = f"{type(error).__name__}: {first_line(error)} (see {run.folder / LOG})"
        raise RunError(f"{run.folder.name}: {message}") from error


def _close_if_possible(run: Run, status: Status, failure: Failure) -> None:
    """Close the record; on a full disk it stays as it is, and the run counts as interrupted."""
    with suppress(OSError):
        close_run(run, status, failure)


def _failure(error: BaseException) -> Failure:
    name = type(error).__name__
    return Failure(type=name, message=first_line(error) or name)
