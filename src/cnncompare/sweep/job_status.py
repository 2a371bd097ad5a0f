"""Outcome of a job, as it reported it or as its exit status shows; imports no torch."""

import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cnncompare.language.catalogue import marked, tr
from cnncompare.runs.record import Failure
from cnncompare.sweep.worker import EXIT_REPORT
from cnncompare.system import strict_json

OutcomeKind = Literal["finished", "skipped", "failed", "interrupted", "not started"]


_KINDS = (
    *(marked("finished"), marked("skipped"), marked("failed"), marked("interrupted")),
    marked("not started"),
)


@dataclass(frozen=True)
class JobOutcome:
    """Outcome of a job and, unless it finished, the reason in one line."""

    kind: OutcomeKind
    reason: str = ""

    @property
    def text(self) -> str:
        """The kind and, after a colon, the reason."""
        return f"{tr(self.kind)}: {self.reason}" if self.reason else tr(self.kind)


def reported_exit(job_file: Path) -> tuple[int, str] | None:
    """Return the exit code and message that the job reported; None if it could not report any."""
    path = job_file.with_name(EXIT_REPORT)
    if not path.exists():
        return None
    report = strict_json.loads(path.read_bytes())
    return report["code"], report["message"]


def outcome_of(code: int, message: str) -> JobOutcome:
    """Return the outcome for a reported exit code and message."""
    if code == 0:
        return JobOutcome("finished")
    return JobOutcome("interrupted" if code > 128 else "failed", message)


def failure_of(exit_code: int, *, timeout_s: float | None, out_of_memory: bool) -> Failure:
    """Return the failure of a process that could not report it.

    `timeout_s` is the time limit if the job exceeded it; `out_of_memory` is true if the kernel
    killed any process for lack of memory while the job ran.
    """
    if timeout_s is not None:
        return Failure(type="JobTimedOut", message=f"exceeded sweep.timeout_s={timeout_s:g}")
    if exit_code >= 0:
        message = f"exited with code {exit_code} without an error message"
        return Failure(type="JobExited", message=message)
    if -exit_code == signal.SIGKILL and out_of_memory:
        return Failure(type="JobOutOfMemory", message="killed: the machine ran out of memory")
    return Failure(type="JobKilled", message=f"killed by {signal.Signals(-exit_code).name}")


def count_oom_kills() -> int:
    """Return the number of processes that the kernel killed for lack of memory since it booted.

    0 on systems other than Linux.
    """
    try:
        lines = Path("/proc/vmstat").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
