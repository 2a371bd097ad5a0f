"""Files with the unfinished jobs of running sweeps, for `status`; imports no torch."""

import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock

from cnncompare.config.schema import Config
from cnncompare.errors import UserError
from cnncompare.runs.storage import LOCKS, is_locked, lock, write_atomically
from cnncompare.system import strict_json

_PREFIX = "sweep-"


@dataclass(frozen=True)
class WaitingJob:
    """A job that a running sweep has not finished."""

    id: str  # of its run
    max_epochs: int | None  # None if a number of steps ends the training, or a budget chooses it


class JobList:
    """Context manager that lists a sweep's jobs in each folder that gets its runs.

    The sweep holds a lock beside each file. A file without a lock is of a sweep that was killed.
    Without permission to write, there is no list.
    """

    def __init__(self, configs: Mapping[int, Config]) -> None:
        self._jobs = {
            number: (config.run_folder(), config.known_epochs) for number, config in configs.items()
        }
        self._folders = list(dict.fromkeys(folder.parent for folder, _ in self._jobs.values()))
        self._name = f"{_PREFIX}{os.getpid()}-{time.monotonic_ns()}"
        self._locks: list[FileLock] = []
        self._written: set[int] | None = None

    def add(self, number: int, config: Config) -> None:
        """Add a job that puts its run into one of the folders, to be listed by `update`."""
        self._jobs[number] = (config.run_folder(), config.known_epochs)

    def __enter__(self) -> Self:
        with suppress(UserError):
            self._locks = [lock(folder / self._name) for folder in self._folders]
            self.update(set(self._jobs))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for folder in self._folders:
            with suppress(OSError):
                self._file(folder).unlink(missing_ok=True)
        for held in self._locks:
            held.release()
            with suppress(OSError):
                Path(held.lock_file).unlink(missing_ok=True)

    def _file(self, folder: Path) -> Path:
        return folder / LOCKS / f"{self._name}.json"

    def update(self, numbers: set[int]) -> None:
        """Write the jobs that are not finished, if they have changed."""
        if numbers == self._written or not self._locks:
            return
        self._written = numbers
        for parent in self._folders:
            listed = [
                {"id": folder.name, "max_epochs": max_epochs}
                for number, (folder, max_epochs) in self._jobs.items()
                if number in numbers and folder.parent == parent
            ]
            with suppress(OSError):
                write_atomically(self._file(parent), json.dumps(listed).encode())


def waiting_jobs(folder: Path) -> list[WaitingJob]:
    """Return the jobs of running sweeps that put their runs into the folder."""
    found: dict[str, WaitingJob] = {}
    for path in sorted((folder / LOCKS).glob(f"{_PREFIX}*.json")):
        with suppress(OSError, ValueError, KeyError, TypeError):
            if is_locked(folder / path.stem):
                for job in strict_json.loads(path.read_bytes()):
                    found[job["id"]] = WaitingJob(job["id"], job["max_epochs"])
    return list(found.values())


def folders_with_waiting_jobs(root: Path) -> list[Path]:
    """Return the folders at or below `root` into which sweeps put their runs."""
    files = root.rglob(f"{LOCKS}/{_PREFIX}*.json")
    return sorted({path.parent.parent for path in files})
