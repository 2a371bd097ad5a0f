"""The user's script, kept out of new processes; imports no torch."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def main_not_imported() -> Iterator[None]:
    """Let new processes start without the user's script, which they do not need.

    They would import it, and so start the training again if its call has no ``__main__`` guard.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
