"""Atomic writes, locks, and folders set aside; imports no torch."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from cnncompare.errors import LockedError, OutputError

ASIDE = ".replaced"
LOCKS = ".locks"
PATIENCE_S = 0.1  # `is_locked` holds a lock for an instant


def write_atomically(path: Path, content: bytes | Iterator[bytes]) -> None:
    """Write a new file next to `path`, flush it to disk, and rename it to `path`.

    Neither name is followed if it is a link: the link is replaced, its target stays as it is.
    """
    new = path.with_name(f".{path.name}.new")
    if new.is_symlink():
        new.unlink()
    with naming(path):
        with open(new, "wb", opener=_open_no_link) as file:
            file.writelines([content] if isinstance(content, bytes) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
        sync_folder(path.parent)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Add the path to an OSError; the system names no file where a write fails."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            error.filename = str(path)
        raise


def _open_no_link(path: str, flags: int) -> int:
    """Open a file, or raise OSError if it is a link; Windows follows links."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def sync_folder(folder: Path) -> None:
    """Flush the folder's entries to disk, so that renames survive a power loss in their order."""
    if os.name == "nt":  # Windows cannot open folders
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def set_aside(folder: Path) -> Path:
    """Move the folder of an earlier run into the sibling folder `.replaced`; return its new path.

    A time stamp in its name keeps it apart from earlier ones.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    aside = folder.parent / ASIDE / f"{folder.name}-{stamp}"
    aside.parent.mkdir(exist_ok=True)
    os.replace(folder, aside)
    return aside


def lock(folder: Path) -> FileLock:
    """Acquire and return the lock of a run's folder; the system frees it when the process dies.

    Raises LockedError if another process holds it, OutputError if its folder is not writable.
    """
    locks = folder.parent / LOCKS
    try:
        locks.mkdir(parents=True, exist_ok=True)
        held = FileLock(locks / f"{folder.name}.lock")
        held.acquire(timeout=PATIENCE_S, poll_interval=PATIENCE_S / 4)
    except Timeout:
        raise LockedError(
            f"{folder} is being written by another process; wait for it, or change seed or name"
        ) from None
    except OSError as error:
        raise OutputError(
            f"cannot write to {folder.parent}: {error.strerror}; choose another folder with "
            "output_root=PATH"
        ) from None
    return held


def is_locked(folder: Path) -> bool:
    """Return whether a process holds the lock of a run's folder; create nothing."""
    path = folder.parent / LOCKS / f"{folder.name}.lock"
    if not path.exists():
        return False
    try:
        with FileLock(path, timeout=0):
            return False
    except (Timeout, OSError):
        return True
