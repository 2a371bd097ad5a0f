"""The user's script, kept out of new processes; imports no torch."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from cnncompare.system.working_folder import existing_working_folder


@contextmanager
def main_not_imported() -> Iterator[None]:
    """Let new processes start without the user's script, and with a deleted working folder.

    They do not need the script. They would import it, and so start the training again if its call
    has no ``__main__`` guard.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        with existing_working_folder():
            yield
    finally:
        sys.modules["__main__"] = main
