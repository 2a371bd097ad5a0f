"""A working folder whose deletion ends no process; imports no torch."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def remember_working_folder() -> None:
    """Let os.getcwd return the folder of this moment after that folder is deleted.

    Libraries ask for it, also while they are imported, and none expects an error. Relative paths
    below it stay invalid; absolute ones are not concerned. Raises FileNotFoundError if the folder
    is deleted already.
    """
    if isinstance(os.getcwd, _WorkingFolder):
        os.getcwd.remember()
    else:
        os.getcwd = _WorkingFolder(os.getcwd)


@contextmanager
def existing_working_folder() -> Iterator[None]:
    """Let os.getcwd return the root instead of a deleted folder.

    A new process of multiprocessing changes into what it returns.
    """
    getcwd = os.getcwd
    if not os.path.isdir(getcwd()):
        os.getcwd = lambda: os.sep
    try:
        yield
    finally:
        os.getcwd = getcwd


class _WorkingFolder:
    """Function that returns the working folder, or the remembered one where that is gone."""

    def __init__(self, getcwd: Callable[[], str]) -> None:
        self._getcwd = getcwd
        self.remember()

    def remember(self) -> None:
        self._remembered = self._getcwd()

    def __call__(self) -> str:
        try:
            return self._getcwd()
        except FileNotFoundError:
            return self._remembered
