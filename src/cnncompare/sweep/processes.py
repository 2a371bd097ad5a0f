"""A process of its own for a job: forked from a server that has torch loaded, or started fresh."""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cnncompare.config.schema import Config

PRELOADED = "cnncompare.sweep.preload"


@dataclass(frozen=True)
class JobProcess:
    """A started job: the leader of its own process group."""

    pid: int
    exit_code: Callable[[], int | None]  # None while it runs, minus the signal that killed it

    def send(self, number: int) -> None:
        """Send a signal; a process that has ended gets none."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill_group(self) -> None:
        """End whatever it started and left behind: the other ranks, decoding processes."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


def start(job_file: Path, config: Config, environment: dict[str, str]) -> JobProcess:
    """Start ``cnncompare.sweep.worker`` on the file.

    A forkserver with torch and Lightning loaded starts a process in 0.04 s after its first; a
    fresh interpreter takes 5 to 10 s. Lightning starts the other ranks of a job on several
    devices by its command line, which a forked process does not have.
    """
    if sys.platform == "linux" and config.trainer.devices == 1:
        return _forked(job_file, environment)
    return _fresh(job_file, environment)


def _forked(job_file: Path, environment: dict[str, str]) -> JobProcess:
    from cnncompare.sweep.worker import run_forked

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([PRELOADED])
    process = context.Process(target=run_forked, args=(str(job_file), environment))
    process.start()
    assert process.pid is not None
    return JobProcess(process.pid, lambda: process.exitcode)


def _fresh(job_file: Path, environment: dict[str, str]) -> JobProcess:
    command = [sys.executable, "-m", "cnncompare.sweep.worker", str(job_file)]
    process = subprocess.Popen(command, env=environment, start_new_session=True)
    return JobProcess(process.pid, process.poll)
