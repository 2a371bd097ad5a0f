"""Estimate of the time that a sweep still takes; imports no torch."""

import heapq
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from statistics import fmean


class TimeLeft:
    """Estimates the rest of a sweep from the jobs that have finished and those that run.

    Jobs of one `kind` are expected to take equally long. A kind of which none has finished or
    reported its pace counts as the average of the others.
    """

    def __init__(self) -> None:
        self._finished: dict[Hashable, list[float]] = defaultdict(list)

    def add(self, kind: Hashable, seconds: float) -> None:
        """Add a finished job."""
        self._finished[kind].append(seconds)

    def seconds(
        self,
        running: Sequence[tuple[Hashable, float, float | None]],
        waiting: Iterable[Hashable],
        n_parallel: int,
    ) -> float | None:
        """Return the seconds until the last job ends, None as long as nothing is known.

        `running` has the kind of each job, the seconds that it has run, and those that its own
        pace lets it take in all, None before its first epoch.
        """
        expected = {kind: fmean(times) for kind, times in self._finished.items()}
        for kind, _, paced in running:
            if paced is not None:
                expected.setdefault(kind, paced)
        if not expected:
            return None
        average = fmean(expected.values())
        ends = [max(0.0, (paced or expected.get(kind, average)) - s) for kind, s, paced in running]
        ends += [0.0] * (n_parallel - len(ends))
        heapq.heapify(ends)
        for kind in waiting:  # each starts where a job ends first
            heapq.heapreplace(ends, ends[0] + expected.get(kind, average))
        return max(ends)
