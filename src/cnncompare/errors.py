"""The errors that cnncompare raises on purpose, each one line for a person to act on.

CnncompareError
├── UserError              exit code 2: what was asked cannot be done; nothing was written
│   ├── ConfigError        a word, key, value or combination of the configuration
│   ├── DataError          a data set, an archive, a folder or an image
│   ├── ModelError         a model, its options, its weights, an image size it cannot take
│   └── OutputError        the place where results should go
│       └── LockedError    another process is writing there
└── RunError               exit code 1: a run began and could not be finished
    └── Diverged           the loss of a training is NaN or infinite

Interrupted                exit code 128 + the signal: 130 for Ctrl-C, 143 for SIGTERM
"""

from collections.abc import Iterable
from difflib import get_close_matches
from signal import Signals


class CnncompareError(Exception):
    """Base of every error that is reported as one line, without a traceback."""

    exit_code = 1


class UserError(CnncompareError):
    """What was asked cannot be done; nothing was written."""

    exit_code = 2


class ConfigError(UserError):
    """A word, key, value or combination of the configuration is wrong."""


class DataError(UserError):
    """A data set, an archive, a folder or an image is missing or unsound."""


class ModelError(UserError):
    """A model, its options or weights are unknown, or it cannot take the images."""


class OutputError(UserError):
    """The place where results should go cannot take them."""


class LockedError(OutputError):
    """Another process is at the same run."""


class RunError(CnncompareError):
    """A run began and could not be finished; its record says why."""


class Diverged(RunError):  # noqa: N818 (its name is the error type in the run record)
    """The loss of a training is NaN or infinite."""


class Interrupted(BaseException):
    """A signal asked the process to stop; no Exception, so that nothing swallows it."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(f"stopped by {Signals(signal_number).name}")
        self.exit_code = 128 + signal_number


def closest(word: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'a' or 'b'?"`` for the known words nearest to `word`, or ``""``."""
    near = get_close_matches(word, list(known), n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(repr(name) for name in near)}?" if near else ""
