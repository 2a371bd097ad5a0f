"""Signals: remembered while jobs run, or tied to the life of the parent; imports no torch."""

import ctypes
import signal
import sys
from types import FrameType, TracebackType
from typing import Any, Self

PASSED_ON = (signal.SIGINT, signal.SIGTERM)


class Signals:
    """While entered, signals are kept instead of acting; `received` is the first of them."""

    def __init__(self) -> None:
        self.received: int | None = None
        self._unpassed: list[int] = []
        self._earlier: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._earlier = {number: signal.signal(number, self._keep) for number in PASSED_ON}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._earlier.items():
            signal.signal(number, handler)

    def unpassed(self) -> list[int]:
        """Return the signals that came since the last call."""
        taken, self._unpassed = self._unpassed, []
        return taken

    def _keep(self, number: int, frame: FrameType | None) -> None:
        self.received = self.received or number
        self._unpassed.append(number)


def die_with_parent() -> None:
    """Have SIGTERM sent to this process when the one that started it dies; Linux alone can."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
