"""The console on standard output; imports no torch."""

import io
import sys
from typing import Literal, cast

from rich.console import Console

from cnncompare.terminal.streams import keep_writing

Mode = Literal["bar", "lines", "off"]


def make_console() -> Console:
    """Return a console on standard output: as wide as needed and plain when not a terminal.

    Output that cannot be written, because the pipe is closed or the disk full, is discarded.
    """
    keep_writing()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a dash that Latin-1 lacks must not end a run
    terminal = sys.stdout.isatty()
    # force_terminal: a variable such as FORCE_COLOR must not put control characters into a file
    return Console(force_terminal=terminal, width=None if terminal else 1000, highlight=False)


def progress_mode(asked: str) -> Mode:
    """Return how progress is shown; `auto` is a bar on a terminal that can move its cursor."""
    if asked == "auto":
        console = make_console()
        return "bar" if console.is_terminal and not console.is_dumb_terminal else "lines"
    return cast(Mode, asked)
