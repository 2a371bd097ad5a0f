"""Limits of a sweep: retries of stopped jobs, a time limit, the end after a failure."""

import time
from collections import Counter

from cnncompare.config.sweep import SweepConfig

OUT_OF_MEMORY = ("JobOutOfMemory", "OutOfMemoryError")  # the latter is torch's
# An error that the job itself raised would occur again.
_STOPPED_FROM_OUTSIDE = ("JobKilled", "JobTimedOut", *OUT_OF_MEMORY)


class SweepLimits:
    """Decides whether a job is repeated, how many run in parallel, and when the sweep ends."""

    def __init__(self, config: SweepConfig) -> None:
        self._config = config
        self._retries: Counter[int] = Counter()
        self._most_parallel: int | None = None
        hours = config.max_hours
        self._deadline = None if hours is None else time.monotonic() + 3600 * hours
        self.end_reason: str | None = None  # why no further job starts

    def may_start(self, n_running: int) -> bool:
        """Return whether another job may start while `n_running` run."""
        if self.end_reason is not None:
            return False
        return self._most_parallel is None or n_running < self._most_parallel

    def retry(self, job_number: int, failure_type: str, n_running: int) -> str | None:
        """Return "retry 1 of 2" if the job is to be repeated, otherwise None.

        After a lack of memory, half as many jobs run in parallel; `n_running` counts the others.
        """
        if failure_type in OUT_OF_MEMORY:
            self._most_parallel = max(1, (n_running + 1) // 2)
        if failure_type not in _STOPPED_FROM_OUTSIDE or self.end_reason is not None:
            return None
        if self._retries[job_number] >= self._config.retries:
            return None
        self._retries[job_number] += 1
        return f"retry {self._retries[job_number]} of {self._config.retries}"

    def note_failure(self) -> None:
        """End the sweep if the configuration asks for it at the first failure."""
        if self._config.stop_at_first_failure and self.end_reason is None:
            self.end_reason = "sweep.stop_at_first_failure=true"

    def over_time(self) -> str | None:
        """Return the reason for the end of the sweep once its time limit has passed."""
        if self._deadline is not None and time.monotonic() >= self._deadline:
            self.end_reason = f"sweep.max_hours={self._config.max_hours:g} has passed"
        return self.end_reason
