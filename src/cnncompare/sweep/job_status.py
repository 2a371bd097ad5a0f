"""How a job ended, by its own word, or else by what its process shows; imports no torch."""

import json
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cnncompare.runs.record import Failure
from cnncompare.sweep.worker import ENDING

Kind = Literal["finished", "skipped", "failed", "interrupted"]


@dataclass(frozen=True)
class Ending:
    """How a job ended and, unless it finished, why, in one line."""

    kind: Kind
    cause: str = ""


def own_word(job_file: Path) -> tuple[int, str] | None:
    """Return the exit code and message that the job left, or None when it could leave none."""
    path = job_file.with_name(ENDING)
    if not path.exists():
        return None
    ending = json.loads(path.read_text(encoding="utf-8"))
    return ending["code"], ending["message"]


def ending_of(code: int, message: str) -> Ending:
    """Return the ending that a job told by its exit code and message."""
    if code == 0:
        return Ending("finished")
    return Ending("interrupted" if code > 128 else "failed", message)


def failure_of(exit_code: int, *, timeout_s: float | None, out_of_memory: bool) -> Failure:
    """Return why a process ended that could not say so itself.

    `timeout_s` is the limit that it went over, if it did; `out_of_memory` whether the kernel
    killed any process for memory while it ran.
    """
    if timeout_s is not None:
        return Failure(type="JobTimedOut", message=f"over sweep.timeout_s={timeout_s:g}")
    if exit_code >= 0:
        return Failure(type="JobExited", message=f"exited with code {exit_code}, without a reason")
    if -exit_code == signal.SIGKILL and out_of_memory:
        return Failure(type="JobOutOfMemory", message="killed: the machine ran out of memory")
    return Failure(type="JobKilled", message=f"killed by {signal.Signals(-exit_code).name}")


def oom_kills() -> int:
    """Return how many processes the kernel has killed for memory since it started; 0 elsewhere."""
    try:
        lines = Path("/proc/vmstat").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
