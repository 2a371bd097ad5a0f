"""Processes that the bench starts: workers that are asked, and commands that run; no torch."""

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

ANSWER_S = 300.0  # the longest that a worker may take for one answer
POLL_S = 0.02
MIB = 2**20


def our_environment() -> dict[str, str]:
    """Return the environment that the command gives its jobs: its own."""
    return dict(os.environ)


def usual_environment() -> dict[str, str]:
    """Return the environment that a script of the user's own would have.

    The command sets how long waiting threads spin, for itself and its jobs; a script has the
    library's default.
    """
    ours = {"GOMP_SPINCOUNT": "10000"}
    return {name: value for name, value in os.environ.items() if ours.get(name) != value}


class Worker:
    """A process that does what it is asked, and only then; see bench/worker.py."""

    def __init__(self, asked: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        self._errors = TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        self._answers: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "cnncompare.bench.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=dict(environment),
            text=True,
            start_new_session=True,  # with what it starts, so that all of it can be ended
        )
        threading.Thread(target=self._listen, daemon=True).start()
        self._tell(json.dumps(asked))

    def ask(self, command: str, timeout_s: float = ANSWER_S) -> dict[str, Any]:
        """Return the answer. Raises RunError, one line, when there is none or it is an error."""
        self._tell(command)
        return self.answer(timeout_s)

    def answer(self, timeout_s: float = ANSWER_S) -> dict[str, Any]:
        """Return the next answer, of a worker that needs no command."""
        try:
            line = self._answers.get(timeout=timeout_s)
        except queue.Empty:
            raise RunError(f"no answer in {timeout_s:.0f} s") from None
        if line is None:
            raise RunError(f"the process ended: {self._last_words()}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise RunError(answer["error"])
        return answer

    def close(self) -> None:
        """End the process and all that it started."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        with suppress(OSError):
            self._process.stdin.close()  # type: ignore[union-attr]
        self._errors.close()

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended: the answer says so
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as answers:
            for line in answers:
                self._answers.put(line)
        self._answers.put(None)

    def _last_words(self) -> str:
        code = self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().strip().splitlines()
        return lines[-1] if lines and code > 0 else f"exit code {code}"


@contextmanager
def workers(
    asked: Mapping[str, Mapping[str, Any]], environments: Mapping[str, Mapping[str, str]]
) -> Iterator[dict[str, Worker]]:
    """Start the workers by name, all at once, and end them in the end."""
    started: dict[str, Worker] = {}
    try:
        for name, what in asked.items():
            started[name] = Worker(what, environments[name])
        yield started
    finally:
        for worker in started.values():
            worker.close()


def seconds_of(
    command: Sequence[str], exit_code: int, environment: Mapping[str, str], cwd: Path
) -> float:
    """Return how long a command takes.

    Raises RunError when it ends with another exit code, as one that takes ANSWER_S does.
    """
    started = time.perf_counter()
    with _running(command, environment, cwd) as process:
        late = threading.Timer(ANSWER_S, process.kill)
        late.start()
        code = process.wait()  # with a time limit it would look only every 50 ms
        seconds = time.perf_counter() - started
        late.cancel()
        _check(process, code, exit_code)
    return seconds


def peak_pss_mib(command: Sequence[str], environment: Mapping[str, str], cwd: Path) -> float:
    """Return the most memory that a command and all its processes held at once, in MiB.

    Proportional set sizes, so that a page that processes share counts once; read every 20 ms.
    Raises RunError when the command fails, or where the system does not tell.
    """
    peak, until = 0.0, time.monotonic() + ANSWER_S
    with _running(command, environment, cwd) as process:
        while process.poll() is None:
            if time.monotonic() > until:
                raise RunError(f"did not end in {ANSWER_S:.0f} s")
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
                    raise RunError("only Linux tells what processes share of their memory")
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
