"""Exceptions with one-line messages for the user, and their exit codes.

CnncompareError
├── UserError              exit code 2: the request is invalid; nothing was written
│   ├── ConfigError        a command, option, key, value or combination of the configuration
│   ├── DataError          a data set, an archive, a folder or an image
│   ├── ModelError         a network, its options or weights, an unsupported image size
│   └── OutputError        the output folder
│       └── LockedError    another process is writing to it
└── RunError               exit code 1: a run failed after its start
    └── Diverged           the loss of a training is NaN or infinite

Interrupted                exit code 128 + the signal: 130 after Ctrl-C, 143 after SIGTERM, ...
"""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from signal import Signals


class CnncompareError(Exception):
    """Base class of the errors that are reported in one line, without a traceback."""

    exit_code = 1


class UserError(CnncompareError):
    """The request is invalid; nothing was written."""

    exit_code = 2


class ConfigError(UserError):
    """A command, option, key, value or combination of the configuration is invalid."""


class DataError(UserError):
    """A data set, an archive, a folder or an image is missing or invalid."""


class ModelError(UserError):
    """A network, its options or its weights are unknown, or it does not support the images."""


class OutputError(UserError):
    """The output folder cannot be written or has too little space."""


class LockedError(OutputError):
    """Another process is writing the same run."""


class RunError(CnncompareError):
    """A run failed after its start; its record contains the reason."""


class Diverged(RunError):  # noqa: N818 (its name is the error type in the run record)
    """The loss of a training is NaN or infinite."""


class Interrupted(BaseException):
    """A signal stopped the process; no subclass of Exception, so that no handler swallows it."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(f"stopped by {Signals(signal_number).name}")
        self.exit_code = 128 + signal_number


def closest(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'a' or 'b'?"`` with the known names closest to `name`, or ``""``.

    At most three names are returned; upper and lower case are not distinguished.
    """
    by_lower = {candidate.lower(): candidate for candidate in known}
    if name.lower() in by_lower:
        return f"; did you mean {by_lower[name.lower()]!r}?"
    near = [by_lower[match] for match in get_close_matches(name.lower(), by_lower, n=3, cutoff=0.6)]
    return f"; did you mean {' or '.join(map(repr, near))}?" if near else ""


def first_line(error: BaseException) -> str:
    """Return the first line of the error's message, "" if it has none."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else ""


def shortened(names: Sequence[str], most: int = 3) -> str:
    """Return the first names and the number of the others: "a, b, c and 4 more"."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
