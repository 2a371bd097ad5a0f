"""Handling of SIGINT, SIGTERM and SIGHUP, and termination with the parent; imports no torch."""

import ctypes
import os
import signal
import sys
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any, Self

from cnncompare.errors import Interrupted

_HANG_UP = getattr(signal, "SIGHUP", None)  # Windows has none
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, *filter(None, [_HANG_UP]))


class StopSignalHandler:
    """Context manager that installs `handle` for STOP_SIGNALS and restores the earlier handlers.

    A SIGHUP that is ignored, as below nohup, stays so.
    """

    def __init__(self) -> None:
        self._earlier: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._earlier = {
            number: signal.signal(number, self.handle)
            for number in STOP_SIGNALS
            if number != _HANG_UP or signal.getsignal(number) is not signal.SIG_IGN
        }
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


class RaiseInterrupted(StopSignalHandler):
    """Raises Interrupted for a signal, wherever the main thread is."""

    def handle(self, number: int, frame: FrameType | None) -> None:
        raise Interrupted(number)


class ExitAtOnce(StopSignalHandler):
    """Ends this process with one line for a signal, while nothing has been started or written.

    An exception would be caught or printed by whatever is being imported.
    """

    def __init__(self) -> None:
        super().__init__()
        self._pid = os.getpid()

    def handle(self, number: int, frame: FrameType | None) -> None:
        interruption = Interrupted(number)
        if os.getpid() == self._pid:  # a forked process inherits the handler
            with suppress(OSError):  # the terminal is gone
                os.write(2, f"cnncompare: {interruption}; {CONTINUES}\n".encode())
        os._exit(interruption.exit_code)


CONTINUES = "the same command continues"


def block_stop_signals() -> None:
    """Keep STOP_SIGNALS pending in this thread and in processes that it starts."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)


def unblock_stop_signals() -> None:
    """Deliver STOP_SIGNALS, also those that are pending."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)


def die_with_parent(number: int = signal.SIGTERM) -> None:
    """Have the kernel send a signal to this process when its parent dies; only on Linux."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, number)
