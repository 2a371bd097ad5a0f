"""Open a run's folder: a finished run, one to continue, or a new one; imports no torch."""

import errno
import logging
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from cnncompare.config.schema import Config
from cnncompare.errors import Interrupted, OutputError, RunError
from cnncompare.runs.record import Failure, RunRecord
from cnncompare.runs.run import (
    BEST_CHECKPOINT,
    CHECKPOINTS,
    LAST_CHECKPOINT,
    LOG,
    Run,
    read_existing,
)
from cnncompare.runs.storage import lock, set_aside

log = logging.getLogger("cnncompare")


@contextmanager
def open_run(config: Config, size_mb: float) -> Iterator[Run]:
    """Hold the lock of the run's folder, and decide between finished, continued and new."""
    folder = config.run_folder()
    held = lock(folder)
    try:
        _check_space(folder, size_mb if config.trains else 0.0)
        existing = read_existing(folder)
        if existing and not config.force and (_is_finished(existing) or can_resume(existing)):
            yield existing
        else:
            if folder.exists():
                log.info("the earlier record lies in %s", set_aside(folder))
            yield _new_run(folder, config)
    finally:
        held.release()


def _check_space(folder: Path, size_mb: float) -> None:
    # best and last checkpoint, each with up to two optimizer states, plus the old one while saving
    needed_mb = 9 * size_mb + 32
    free_mb = shutil.disk_usage(folder.parent).free / 1e6
    if free_mb < needed_mb:
        raise OutputError(
            f"{folder.parent} has {free_mb:.0f} MB free, this run needs about {needed_mb:.0f}; "
            "free some space or choose another place with output_root=PATH"
        )


def _is_finished(run: Run) -> bool:
    return run.record.status == "finished"


def can_resume(run: Run) -> bool:
    """Return whether the run was cut short from outside, and what it saved is whole.

    The lock is held, so a record that still says running is a dead process's. What failed by its
    own error starts over: what is mended since would be half in the result.
    """
    if run.record.status == "failed":
        cut_short = run.record.error is not None and run.record.error.type in CUT_SHORT
    else:
        cut_short = run.record.status in ("running", "interrupted")
    if run.record.evaluation is not None:
        return cut_short  # what was tested up to then is checked where it is read
    last = last_checkpoint(run)
    if not cut_short or not last.exists():
        return False
    damaged = [path for path in (last, last.with_name(BEST_CHECKPOINT)) if not _is_whole(path)]
    for path in damaged:
        log.warning("%s is damaged or missing: the run starts over", path)
    return not damaged


def last_checkpoint(run: Run) -> Path:
    """Return the path of the last epoch's checkpoint, which may not exist."""
    return run.folder / CHECKPOINTS / LAST_CHECKPOINT


def checkpoint_to_resume(run: Run) -> Path | None:
    """Return the checkpoint that an opened run goes on from; a new run has none."""
    last = last_checkpoint(run)
    return last if last.exists() else None


def record_failure(config: Config, failure: Failure, details: str = "") -> None:
    """Close, as failed, the record of a run whose process could not; without one, make one.

    `details`, such as a traceback, go to the run's log. A finished record stays as it is.
    """
    folder = config.run_folder()
    held = lock(folder)
    try:
        run = read_existing(folder)
        if run is not None and _is_finished(run):
            return
        if run is None:
            if folder.exists():
                set_aside(folder)
            run = _new_run(folder, config)
        run.record.error = failure
        run.close("failed")
        with (folder / LOG).open("a", encoding="utf-8") as file:
            file.write(f"{failure.type}: {failure.message}\n{details}")
    finally:
        held.release()


def _is_whole(path: Path) -> bool:
    """Return whether the file is a zip archive, as torch writes, and all its checksums hold."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError):
        return False


def _new_run(folder: Path, config: Config) -> Run:
    record = RunRecord(
        id=folder.name,
        label=config.model.name,
        name=config.name,
        started_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        config_hash=config.hash(),
    )
    folder.mkdir(parents=True)
    return Run(folder, record)


# What a sweep writes for a job that could not say itself how it ended; such a run is continued.
CUT_SHORT = ("JobKilled", "JobOutOfMemory", "JobTimedOut", "JobExited")


@contextmanager
def close_on_exit(run: Run) -> Iterator[None]:
    """Close the record with how the run ended, whatever happens inside."""
    try:
        yield
    except Interrupted as stop:
        log.info("%s", stop, exc_info=True)  # where it stood: a sweep's timeout ends a run so
        run.close("interrupted", stop)
        raise
    except Exception as error:
        log.exception("the run failed")
        run.close("failed", error)
        raise RunError(f"{run.folder.name}: {_in_one_line(error)} (see {run.folder / LOG})") from (
            error
        )
    run.close("finished")


def _in_one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "the disk is full"
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"
