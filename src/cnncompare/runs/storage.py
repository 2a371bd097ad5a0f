"""Atomic writes, locks and replaced folders; imports no torch."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from cnncompare.errors import LockedError, OutputError


def write_atomically(path: Path, content: bytes | Iterator[bytes]) -> None:
    """Write a new file beside `path`, flush it to disk, and rename it over `path`."""
    new = path.with_name(f".{path.name}.new")
    with new.open("wb") as file:
        file.writelines([content] if isinstance(content, bytes) else content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Flush the folder's names: else a power loss may undo a rename, yet keep a later one."""
    if os.name == "nt":  # a folder cannot be opened there
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


ASIDE = ".replaced"


def set_aside(folder: Path) -> Path:
    """Move an earlier run's folder to `.replaced/`, beside it, and return the new place."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    aside = folder.parent / ASIDE / f"{folder.name}-{stamp}"
    aside.parent.mkdir(exist_ok=True)
    os.replace(folder, aside)
    return aside


def lock(folder: Path) -> FileLock:
    """Return the held lock of a run's folder; the system frees it when its process dies.

    Raises LockedError when another process holds it, OutputError when the place cannot be written.
    """
    locks = folder.parent / ".locks"
    try:
        locks.mkdir(parents=True, exist_ok=True)
        held = FileLock(locks / f"{folder.name}.lock")
        held.acquire(timeout=0)
    except Timeout:
        raise LockedError(
            f"{folder} is being written by another process; wait for it, or change seed or name"
        ) from None
    except OSError as error:
        raise OutputError(
            f"cannot write to {folder.parent}: {error.strerror}; choose another place with "
            "output_root=PATH"
        ) from None
    return held
