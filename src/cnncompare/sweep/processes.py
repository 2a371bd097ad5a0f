"""Processes of jobs: forked from a server that has loaded torch, or started as new interpreters."""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import forkserver, resource_tracker
from pathlib import Path

from cnncompare.config.schema import Config
from cnncompare.errors import RunError
from cnncompare.system.main_module import main_not_imported
from cnncompare.system.signals import block_stop_signals, unblock_stop_signals

PRELOADED = "cnncompare.sweep.preload"


@dataclass(frozen=True)
class JobProcess:
    """Process of a job, the leader of its own process group."""

    pid: int
    exit_code: Callable[[], int | None]  # None while it runs; -N if signal N killed it

    def send(self, number: int) -> None:
        """Send a signal to the process, unless it has ended."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill_group(self) -> None:
        """Kill the processes that it started and left behind: other ranks, loader workers."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


def start(job_file: Path, config: Config, environment: dict[str, str]) -> JobProcess:
    """Start ``cnncompare.sweep.worker`` with the job file.

    A forkserver that has loaded torch and Lightning starts a process in 0.04 s after the first one;
    a new interpreter takes 5 to 10 s. For several devices Lightning starts the other ranks with the
    command line of the process, which a forked process does not have.
    """
    if sys.platform == "linux" and config.trainer.devices_per_node == 1:
        return _fork(job_file, environment)
    return _start_interpreter(job_file, environment)


def _fork(job_file: Path, environment: dict[str, str]) -> JobProcess:
    from cnncompare.sweep.worker import run_forked

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([PRELOADED])
    _start_server()
    process = context.Process(target=run_forked, args=(str(job_file), environment))
    try:
        with main_not_imported():
            process.start()
    except (EOFError, ConnectionError, BrokenPipeError):
        raise RunError(
            "the process that starts the jobs ended while it imported torch, perhaps for lack of "
            "memory; the same command continues"
        ) from None
    assert process.pid is not None
    return JobProcess(process.pid, lambda: process.exitcode)


def _start_server() -> None:
    """Start the forkserver, unless it runs, with the stop signals blocked."""
    resource_tracker.ensure_running()  # it would unblock the signals
    block_stop_signals()
    try:
        forkserver.ensure_running()
    finally:
        unblock_stop_signals()


def _start_interpreter(job_file: Path, environment: dict[str, str]) -> JobProcess:
    command = [sys.executable, "-m", "cnncompare.sweep.worker", str(job_file)]
    process = subprocess.Popen(command, env=environment, start_new_session=True)
    return JobProcess(process.pid, process.poll)
