"""Expected durations of the candidates' runs: from their own runs, or from a probe before."""

import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from cnncompare.sweep.candidates import Candidate
from cnncompare.sweep.plan import costs as plan_costs
from cnncompare.sweep.plan import probe_job

UNKNOWN_S = 1.0  # all costs are equal as long as none is known


class RunCosts:
    """Seconds per run of each candidate; runs that were interrupted and resumed do not count."""

    def __init__(self, candidates: Sequence[Candidate], folder: Path) -> None:
        self.probed: list[float | None] = [None] * len(candidates)
        self._candidates = candidates
        self._folder = folder / "probes"
        self._durations: list[list[float]] = [[] for _ in candidates]

    def add(self, network: int, wall_s: float | None) -> None:
        """Add the duration of a run, None if it does not count."""
        if wall_s is not None:
            self._durations[network].append(wall_s)

    def is_known(self, network: int) -> bool:
        """Return whether a run or a probe of the network was timed."""
        return bool(self._durations[network]) or self.probed[network] is not None

    def probe(self, network: int) -> str | None:
        """Time a few training steps of the network; return the problem if it cannot be trained."""
        candidate = self._candidates[network]
        print(f"probing {candidate.label}", file=sys.stderr, flush=True)
        self._folder.mkdir(exist_ok=True)
        result = probe_job(candidate.job(network, candidate.first_seed), self._folder)
        hours = plan_costs(candidate.config, result)["hours"]
        self.probed[network] = None if hours is None else 3600 * hours
        problem: str | None = result.get("problem")
        return problem

    def expected_s(self) -> list[float]:
        """Return the expected seconds of a run of each network."""
        pairs = zip(self._durations, self.probed, strict=True)
        return [median(runs) if runs else (probed or UNKNOWN_S) for runs, probed in pairs]
