"""States of the jobs that submitit sends to Slurm, with or without Slurm's accounting.

Submitit asks `sacct`. Without accounting it would never hear of a cancelled job; `squeue` knows the
jobs that wait or run. Imports no torch.
"""

import getpass
import shutil
import subprocess
import time

import submitit
from submitit.slurm.slurm import SlurmInfoWatcher

INTERVAL_S = 20  # largest time between two questions to Slurm
ENDED = "ENDED"  # squeue no longer lists the job
FINAL = (
    *("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL"),
    *("OUT_OF_MEMORY", "REVOKED", "TIMEOUT", ENDED),
)


class SlurmStates(SlurmInfoWatcher):
    """Asks sacct or, where that fails, squeue."""

    def __init__(self) -> None:
        super().__init__(delay_s=INTERVAL_S)
        self._has_accounting = has_accounting()

    def _make_command(self) -> list[str] | None:
        command: list[str] | None = super()._make_command()
        if command is None or self._has_accounting:
            return command
        return [
            *("squeue", "--noheader", "--array", "--states=all", "--format=%i|%T"),
            f"--user={getpass.getuser()}",
        ]

    def read_info(self, string: bytes | str) -> dict[str, dict[str, str]]:
        """Return {job: {"State": state}} of what the command printed."""
        if self._has_accounting:
            read: dict[str, dict[str, str]] = super().read_info(string)
            return read
        text = string if isinstance(string, str) else string.decode()
        return read_squeue(text, self._registered)

    def is_done(self, job_id: str, mode: str = "standard") -> bool:
        """Return whether the job has ended, as far as Slurm told at the last question."""
        state = self.get_state(job_id, mode=mode).split()  # such as CANCELLED by 0
        return bool(state) and state[0].upper().rstrip("+") in FINAL

    def wait(self) -> None:
        """Return when every job has ended."""
        while not all(self.is_done(job_id) for job_id in list(self._registered)):
            time.sleep(1)


def watch_slurm_jobs() -> SlurmStates:
    """Have submitit ask for the states of the jobs that it sends from now on in this way."""
    states = SlurmStates()
    submitit.SlurmJob.watcher = states
    return states


def has_accounting() -> bool:
    """Return whether this cluster answers sacct."""
    if shutil.which("sacct") is None:
        return False
    done = subprocess.run(["sacct", "--noheader", "--jobs=1"], capture_output=True, check=False)
    return done.returncode == 0


def read_squeue(text: str, jobs: set[str]) -> dict[str, dict[str, str]]:
    """Return the state of each of the jobs from lines such as 12_0|RUNNING."""
    listed = dict(line.strip().split("|", 1) for line in text.splitlines() if "|" in line)
    return {job: {"State": listed.get(job, ENDED)} for job in jobs}
