"""One job in a process that another launcher started; imports no torch.

A signal, also while torch is imported, closes the record; submitit's process exits with the code of
its job.
"""

import atexit
import logging
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode

from cnncompare.config.validation import validate
from cnncompare.errors import CnncompareError, Interrupted, RunError
from cnncompare.sweep.worker import record_failure
from cnncompare.system.signals import (
    PendingSignals,
    RaiseInterrupted,
    block_stop_signals,
    unblock_stop_signals,
)

SUBMITIT = "SUBMITIT_EXECUTOR"  # environment variable of submitit's job processes

_stop_reason = ""  # of a process that may be asked to run further jobs


@dataclass(frozen=True)
class SweepProcess:
    """Process of the sweep, whose folder and import path its jobs share."""

    pid: int = field(default_factory=os.getpid)
    folder: str = field(default_factory=os.getcwd)
    path: tuple[str, ...] = field(default_factory=lambda: tuple(sys.path))

    @property
    def is_this(self) -> bool:
        """Whether this process is the sweep itself, as with Hydra's basic launcher."""
        return os.getpid() == self.pid

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickle_sweep, (self.pid, self.folder, self.path)

    def imitate(self) -> None:
        """Use the folder and the import path of the sweep; raises RunError without the folder."""
        sys.path[:0] = [folder for folder in self.path if folder not in sys.path]
        try:
            os.chdir(self.folder)
        except OSError as error:
            raise RunError(
                f"{self.folder}: {error.strerror} on {os.uname().nodename}; the machines of a "
                "sweep share the folder in which it was started"
            ) from None


def _unpickle_sweep(*fields: Any) -> SweepProcess:
    """Return the unpickled object; submitit then ignores signals until the job handles them."""
    if SUBMITIT in os.environ:
        block_stop_signals()
    return SweepProcess(*fields)


def run_launched(
    run: Callable[[Any], float | None], composed: Any, sweep: SweepProcess
) -> float | None:
    """Run one job and return its objective; raises errors that the launcher can return."""
    global _stop_reason
    if _stop_reason:
        raise RunError(f"not started: {_stop_reason}")
    if sweep.is_this:
        return run(composed)
    leave = _ExitCode()
    try:
        with RaiseInterrupted():
            sweep.imitate()
            _import_training()
            return run(composed)
    except Interrupted as stop:
        _stop_reason = str(stop)
        if SUBMITIT in os.environ:  # a result would tell submitit that a requeued job has ended
            print(f"cnncompare: {stop}", file=sys.stderr, flush=True)
            raise SystemExit(stop.exit_code) from None
        raise RunError(str(stop)) from None
    except CnncompareError as error:
        leave.code = error.exit_code
        raise
    except Exception as error:  # before the run was opened, for example in a user's module
        leave.code = 1
        raise RunError(record_failure(validate(composed), error)) from None


def runs_in_parallel() -> bool:
    """Return whether the launcher of this job runs others on the same machine."""
    hydra = HydraConfig.get()
    if hydra.mode is not RunMode.MULTIRUN:
        return False
    launcher = hydra.launcher["_target_"].rpartition(".")[2]
    if launcher == "JoblibLauncher":
        return bool(hydra.launcher.n_jobs != 1)
    return launcher in ("RayLauncher", "LocalLauncher")


def _import_training() -> None:
    """Import torch and Lightning; an exception in the middle could be lost there."""
    with PendingSignals() as pending:
        unblock_stop_signals()
        import_module("cnncompare.training.train")
    if pending.received is not None:
        raise Interrupted(pending.received)


class _ExitCode:
    """Ends a process of submitit with `code`, once the result is stored."""

    def __init__(self) -> None:
        self.code = 0
        if SUBMITIT in os.environ:
            atexit.register(self._exit)  # before torch's and the loggers', so it comes after them

    def _exit(self) -> None:
        if self.code:
            logging.shutdown()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(self.code)
