"""Replacing a file by a new one that a loss of power cannot empty; imports no torch."""

import os
from pathlib import Path


def replace_durably(unfinished: Path, file: Path) -> None:
    """Flush the new file to disk and rename it to `file`.

    Without the flush, the name can survive a loss of power and the content not: a file of zeros.
    """
    with open(unfinished, "r+b") as content:
        os.fsync(content.fileno())
    os.replace(unfinished, file)
