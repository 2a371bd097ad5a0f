"""A sample of the points under strace, which also sees the calls that pass by the C library."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tests.crash.points import Count, Ended, Scenario, fork_command, try_point, wait

# file of a run, system call, how many of them are left alone before
POINTS = (
    (".run.json.new", "openat", 1),
    (".run.json.new", "write", 2),
    (".config.yaml.new", "fsync", 0),
    (".epochs.csv.new", "rename", 0),
    (".epochs.csv.new", "write", 1),
    ("checkpoints/.best.ckpt.new", "write", 4),
    ("checkpoints/.last.ckpt.new", "openat", 1),
    ("checkpoints/.last.ckpt.new", "write", 3),
    ("checkpoints/.last.ckpt.new", "fsync", 1),
    ("checkpoints/.last.ckpt.new", "rename", 1),
    (".predictions.npz.new", "write", 0),
    ("run.log", "openat", 0),
)
INJECTIONS = {"kill": "signal=KILL", "ENOSPC": "error=ENOSPC", "EIO": "error=EIO"}


def can_trace() -> bool:
    """Return whether strace is installed and may attach to a process."""
    if shutil.which("strace") is None:
        return False
    tried = subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True)
    return tried.returncode == 0


def try_traced(
    scenario: Scenario, folder: Path, run: Path, expected: Any, tell: Callable[[str], None] = print
) -> Iterator[tuple[str, Count]]:
    """Yield each injection with what was counted; `run` is the run's folder in the trial's."""
    for name, injection in INJECTIONS.items():
        count = Count()
        for file, call, before in POINTS:
            told = len(count.failures)
            rule = f"inject={call}:{injection}:when={before + 1}"
            broken = partial(_run_traced, scenario, folder, folder / run / file, call, rule)
            try_point(scenario, folder, broken, expected, count, killed=name == "kill")
            for failure in count.failures[told:]:
                tell(f"strace, {rule} of {file}: {failure}")
        yield name, count


def _run_traced(scenario: Scenario, folder: Path, path: Path, call: str, rule: str) -> Ended:
    child = fork_command(scenario, folder, "", lambda: os.kill(os.getpid(), signal.SIGSTOP))
    log = folder / "calls"
    tracing = ("-o", str(log), "-P", str(path), "-e", f"trace={call}", "-e", rule)
    tracer = subprocess.Popen(
        ["strace", "-f", "-p", str(child), *tracing], stderr=subprocess.DEVNULL
    )
    while not _is_traced(child):
        time.sleep(0.005)
    os.kill(child, signal.SIGCONT)
    code = wait(child, orphans=False)
    tracer.wait()
    lines = log.read_text().splitlines() if log.exists() else []
    injected = tuple(line for line in lines if "INJECTED" in line or "SIGKILL" in line)
    return Ended(code, (folder / "errors").read_text(errors="replace"), injected)


def _is_traced(process: int) -> bool:
    status = Path(f"/proc/{process}/status").read_text()
    return "TracerPid:\t0\n" not in status and "State:\tt" in status
