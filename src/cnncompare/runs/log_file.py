"""How a run ends: its log file, and its record closed whatever happens; imports no torch."""

import faulthandler
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

log = logging.getLogger("cnncompare")


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
