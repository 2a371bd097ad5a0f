"""The console on standard output, and the form in which it displays progress."""

import io
import sys
from typing import Literal, cast

from rich.console import Console

Mode = Literal["bar", "lines", "off"]


def make_console() -> Console:
    """Return a console on standard output; without a terminal, plain and of unlimited width."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(
            errors="replace"
        )  # Latin-1 has no en dash; a run must not fail for it
    terminal = sys.stdout.isatty()
    # force_terminal: variables such as FORCE_COLOR must not add control characters to a file
    return Console(force_terminal=terminal, width=None if terminal else 1000, highlight=False)


def progress_mode(setting: str) -> Mode:
    """Return the progress display; `auto` is a bar if the terminal can move its cursor."""
    if setting == "auto":
        console = make_console()
        return "bar" if console.is_terminal and not console.is_dumb_terminal else "lines"
    return cast(Mode, setting)
