"""Log file of a run; imports no torch."""

import faulthandler
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

log = logging.getLogger("cnncompare")

_LIGHTNING = ("pytorch_lightning", "lightning_fabric")
_TIPS = ("Tip: ", "`srun` command is available")


@contextmanager
def log_file(path: Path) -> Iterator[None]:
    """Copy log messages and warnings, also Lightning's and Python's, to the run's log file."""
    handler = _LogFile(path, encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.addFilter(_is_no_tip)
    names = ("cnncompare", *_LIGHTNING, "py.warnings")
    for name in names:
        logging.getLogger(name).addHandler(handler)
    log.setLevel(logging.INFO)
    _show_only_lightning_warnings()
    logging.captureWarnings(True)
    log_crashes = not faulthandler.is_enabled()
    if log_crashes and handler.stream is not None:
        faulthandler.enable(handler.stream)  # the Python stack of a crashed interpreter
    try:
        yield
    finally:
        if log_crashes:
            faulthandler.disable()
        logging.captureWarnings(False)
        for name in names:
            logging.getLogger(name).removeHandler(handler)
        handler.close()


class _LogFile(logging.FileHandler):
    """A log that a full disk cuts short; it ends no run and prints no traceback."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (the name is logging's)
        """Do nothing: a file with results that cannot be written either ends the run."""

    def close(self) -> None:
        """Close the file; its last lines are lost if they cannot be written."""
        with suppress(OSError):
            super().close()


def _show_only_lightning_warnings() -> None:
    """Keep Lightning's information messages and tips off the screen."""
    for name in _LIGHTNING:
        for handler in logging.getLogger(name).handlers:
            if type(handler) is logging.StreamHandler:
                handler.setLevel(logging.WARNING)


def _is_no_tip(record: logging.LogRecord) -> bool:
    """Return False for tips and for Lightning's information messages.

    They advertise other products, or repeat what the record has, some in each epoch.
    """
    if any(tip in record.getMessage() for tip in _TIPS):
        return False
    return record.levelno >= logging.WARNING or not record.name.startswith(_LIGHTNING)
