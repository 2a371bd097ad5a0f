"""How a run ends: its log file, and its record closed whatever happens; imports no torch."""

import errno
import faulthandler
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cnncompare.errors import Interrupted, RunError
from cnncompare.run import LOG, Run

log = logging.getLogger("cnncompare")

# What a sweep writes for a job that could not say itself how it ended; such a run is continued.
CUT_SHORT = ("JobKilled", "JobOutOfMemory", "JobTimedOut", "JobExited")


@contextmanager
def log_file(path: Path) -> Iterator[None]:
    """Send the log, Lightning's included, and warnings to the run's own file as well."""
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    names = ("cnncompare", "pytorch_lightning", "lightning_fabric", "py.warnings")
    for name in names:
        logging.getLogger(name).addHandler(handler)
    log.setLevel(logging.INFO)
    _quieten_lightning()
    logging.captureWarnings(True)
    crashes = not faulthandler.is_enabled()
    if crashes and handler.stream is not None:
        faulthandler.enable(handler.stream)  # where in Python a crash of the interpreter happened
    try:
        yield
    finally:
        if crashes:
            faulthandler.disable()
        logging.captureWarnings(False)
        for name in names:
            logging.getLogger(name).removeHandler(handler)
        handler.close()


def _quieten_lightning() -> None:
    """Keep Lightning's remarks and tips in the file; warnings stay on the screen."""
    for name in ("pytorch_lightning", "lightning_fabric"):
        for handler in logging.getLogger(name).handlers:
            if type(handler) is logging.StreamHandler:
                handler.setLevel(logging.WARNING)


@contextmanager
def told_in_record(run: Run) -> Iterator[None]:
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
