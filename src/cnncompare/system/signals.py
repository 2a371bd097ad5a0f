"""Handling of SIGINT and SIGTERM, and termination with the parent; imports no torch."""

import ctypes
import signal
import sys
from types import FrameType, TracebackType
from typing import Any, Self

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopSignalHandler:
    """Context manager that installs `handle` for STOP_SIGNALS and restores the earlier handlers."""

    def __init__(self) -> None:
        self._earlier: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._earlier = {number: signal.signal(number, self.handle) for number in STOP_SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._earlier.items():
            signal.signal(number, handler)

    def reinstall(self) -> None:
        """Install `handle` again after other code replaced it; does nothing outside the context."""
        for number in self._earlier:
            signal.signal(number, self.handle)

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal; to be overridden."""
        raise NotImplementedError


class PendingSignals(StopSignalHandler):
    """Collects signals instead of stopping the process; `received` is the first one."""

    def __init__(self) -> None:
        super().__init__()
        self.received: int | None = None
        self._pending: list[int] = []

    def take(self) -> list[int]:
        """Return the signals received since the last call."""
        taken, self._pending = self._pending, []
        return taken

    def handle(self, number: int, frame: FrameType | None) -> None:
        self.received = self.received or number
        self._pending.append(number)


def die_with_parent() -> None:
    """Have the kernel send SIGTERM to this process when its parent dies; only on Linux."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
