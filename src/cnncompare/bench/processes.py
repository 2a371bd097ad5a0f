"""Processes of benchmarks: workers that execute commands, and commands to time; no torch."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import psutil

from cnncompare.errors import RunError
from cnncompare.system.openmp import GOMP_SPINCOUNT

TIMEOUT_S = 300.0  # for a reply of a worker, or for a command
POLL_S = 0.02
MIB = 2**20

Reply = dict[str, Any]


def our_environment() -> dict[str, str]:
    """Return the environment of the jobs of the command, which is its own."""
    return dict(os.environ)


def baseline_environment() -> dict[str, str]:
    """Return the environment of the baseline script: without the settings of the command.

    The command sets how long waiting threads spin, for itself and its jobs; a script runs with the
    library's default.
    """
    ours = {"GOMP_SPINCOUNT": GOMP_SPINCOUNT}
    return {name: value for name, value in os.environ.items() if ours.get(name) != value}


class BenchWorker:
    """Process that executes commands one at a time; see bench/worker.py."""

    def __init__(self, task: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        self._errors = TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        self._replies: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "cnncompare.bench.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=dict(environment),
            text=True,
            start_new_session=True,  # a process group of its own, which `close` kills
        )
        threading.Thread(target=self._read_replies, daemon=True).start()
        self._send(json.dumps(task))

    def request(self, command: str, timeout_s: float = TIMEOUT_S) -> Reply:
        """Execute a command. Raises RunError, in one line, if it fails or there is no reply."""
        self._send(command)
        return self.receive(timeout_s)

    def receive(self, timeout_s: float = TIMEOUT_S) -> Reply:
        """Return the next reply; for a worker that needs no command."""
        try:
            line = self._replies.get(timeout=timeout_s)
        except queue.Empty:
            raise RunError(f"no reply within {timeout_s:.0f} s") from None
        if line is None:
            raise RunError(f"the process ended: {self._last_error()}")
        reply: Reply = json.loads(line)
        if "error" in reply:
            raise RunError(reply["error"])
        return reply

    def close(self) -> None:
        """Kill the process and all processes that it started."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        with suppress(OSError):
            self._process.stdin.close()  # type: ignore[union-attr]
        self._errors.close()

    def _send(self, line: str) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # the process has ended, which `receive` reports
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()

    def _read_replies(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as replies:
            for line in replies:
                self._replies.put(line)
        self._replies.put(None)

    def _last_error(self) -> str:
        code = self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().strip().splitlines()
        return lines[-1] if lines and code > 0 else f"exit code {code}"


@contextmanager
def start_workers(
    tasks: Mapping[str, Mapping[str, Any]], environments: Mapping[str, Mapping[str, str]]
) -> Iterator[dict[str, BenchWorker]]:
    """Start a worker for each task, all in parallel, and close them on exit."""
    workers: dict[str, BenchWorker] = {}
    try:
        for name, task in tasks.items():
            workers[name] = BenchWorker(task, environments[name])
        yield workers
    finally:
        for worker in workers.values():
            worker.close()


def time_command(
    command: Sequence[str], exit_code: int, environment: Mapping[str, str], cwd: Path
) -> float:
    """Return the seconds that a command takes.

    Raises RunError for another exit code, which includes a command killed after TIMEOUT_S.
    """
    started = time.perf_counter()
    with _running(command, environment, cwd) as process:
        kill_timer = threading.Timer(TIMEOUT_S, process.kill)
        kill_timer.start()
        code = process.wait()  # with a timeout it would poll only every 50 ms
        seconds = time.perf_counter() - started
        kill_timer.cancel()
        _check(process, code, exit_code)
    return seconds


def peak_pss_mib(command: Sequence[str], environment: Mapping[str, str], cwd: Path) -> float:
    """Return the peak memory of a command and all its processes together, in MiB.

    The sum of proportional set sizes, in which shared pages count once, read every 20 ms. Raises
    RunError if the command fails, and on systems other than Linux.
    """
    peak, deadline = 0.0, time.monotonic() + TIMEOUT_S
    with _running(command, environment, cwd) as process:
        while process.poll() is None:
            if time.monotonic() > deadline:
                raise RunError(f"did not finish within {TIMEOUT_S:.0f} s")
            peak = max(peak, _pss_mib(process.pid))
            time.sleep(POLL_S)
        _check(process, process.returncode, 0)
    return peak


def _pss_mib(pid: int) -> float:
    total = 0
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess, psutil.ZombieProcess, psutil.AccessDenied):
                memory = process.memory_full_info()
                if not hasattr(memory, "pss"):
                    raise RunError("proportional set sizes are available on Linux only")
                total += memory.pss
    return total / MIB


@contextmanager
def _running(
    command: Sequence[str], environment: Mapping[str, str], cwd: Path
) -> Iterator[subprocess.Popen[str]]:
    with TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
        process = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env=dict(environment),
            cwd=cwd,
            text=True,
            start_new_session=True,
        )
        process.stderr = errors
        try:
            yield process
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _check(process: subprocess.Popen[str], code: int, expected: int) -> None:
    if code == expected:
        return
    assert process.stderr is not None
    process.stderr.seek(0)
    lines = process.stderr.read().strip().splitlines()
    raise RunError(f"exit code {code}, not {expected}{': ' + lines[-1] if lines else ''}")
