"""Race of networks for the best accuracy: state, claims, and the run that helps most next.

Each pair of networks has a confidence sequence for the difference of their accuracies, so that the
race may stop whenever its question is settled: is the leader within a margin of the best? The
level is divided by the number of rivals, because a statement about the best network can be wrong
only if the interval of one of its own pairs misses. In the simulations of tests/simulate_settle.py
*any* pair's interval missed in fewer than 5 % of the races, whatever the spreads of the networks.

The next run belongs to the leader or to the rival that may exceed it most (LUCB: Kalyanakrishnan,
Tewari, Auer and Stone 2012, PAC Subset Selection in Stochastic Multi-armed Bandits).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnncompare.stats.confidence_sequences import (
    effective_runs,
    log_e_value,
    radius_with_endless_seeds,
    sequence_radius,
)
from cnncompare.stats.pair_variances import (
    SeedNoise,
    pair_image_variances,
    seed_noise,
)

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
LEVEL = 0.05  # risk of any wrong claim, whenever the race stops
START = 2  # runs of each network before any other; they bound no difference yet
MOST_MORE_RUNS = 500  # that are forecast


class Race:
    """Accuracies of the networks' runs, and the claims that follow from them.

    Networks are numbered from 0; differences are shares in [-1, 1]. `low` [networks, networks]
    is the highest lower bound so far of the first network's accuracy minus the second's, and
    `evidence` the largest logarithm of an e-value so far against their equality. `image_variance`
    is that of each difference, due to the choice of test images. `failed` maps networks that left
    the race without a verdict to the reason.
    """

    def __init__(self, networks: int, *, margin: float, max_seeds: int) -> None:
        self.margin = margin
        self.max_seeds = max_seeds
        self.accuracies: list[list[float]] = [[] for _ in range(networks)]
        self.runs = np.zeros(networks, dtype=np.int64)
        self.means = np.zeros(networks)
        self._squares = np.zeros(networks)  # sums of squared deviations from the mean
        self.failed: dict[int, str] = {}
        self.low = np.full((networks, networks), -np.inf)
        self.evidence = np.zeros((networks, networks))
        self.image_variance = np.zeros((networks, networks))
        self._level = LEVEL / (networks - 1)
        self._floor = 1e-16  # variance of a run's accuracy, at least that of rounding to one image
        self._noise = seed_noise(np.zeros(networks), np.zeros(networks), self._floor)
        self._sums: Integers | None = None  # runs that classify an image correctly

    def add(self, network: int, accuracy: float, correct: NDArray[np.bool_] | None = None) -> None:
        """Add a run, with its correctness for each test image unless the images have no variance.

        All runs have the same test images.
        """
        row = self.accuracies[network]
        row.append(accuracy)
        self.runs[network], self.means[network] = len(row), np.mean(row)
        self._squares[network] = len(row) * np.var(row)
        if correct is not None:
            self._add_images(network, correct)
        self._update()

    def _update(self) -> None:
        """Narrow the intervals by the present runs."""
        runs = self.runs.astype(float)
        self._noise = noise = seed_noise(runs, self._squares, self._floor)
        self.low = np.maximum(self.low, self._bounds(runs, self.means, noise))
        n, enough = _pair_runs(runs)
        differences = self.means[:, None] - self.means[None, :]
        e_values = log_e_value(differences, noise.pairs, self.image_variance, n, noise.df)
        self.evidence = np.maximum(self.evidence, np.where(enough, e_values, 0.0))

    def _add_images(self, network: int, correct: NDArray[np.bool_]) -> None:
        if self._sums is None:
            self._sums = np.zeros((len(self.accuracies), len(correct)), dtype=np.int64)
        self._sums[network] += correct
        self._floor = 1 / (12 * len(correct) ** 2)
        self.image_variance = pair_image_variances(self._sums, self.runs, self.accuracies)

    def _bounds(self, runs: Floats, means: Floats, noise: SeedNoise) -> Floats:
        """Return the lower bound of each difference; -inf with one run of a network or none."""
        n, enough = _pair_runs(runs)
        radius = sequence_radius(noise.pairs, self.image_variance, n, noise.df, self._level)
        differences = means[:, None] - means[None, :]
        return np.where(enough, differences - radius, -np.inf)

    def remaining(self) -> list[int]:
        """Return the networks that may be the best, at least one unless all failed."""
        return _remaining(self.low, self.means, self._trained())

    def _trained(self) -> list[int]:
        return [k for k in range(len(self.accuracies)) if k not in self.failed]

    def beaten_by(self, network: int) -> int | None:
        """Return the network that this one is below, the clearest; None if it is below none."""
        trained = self._trained()
        if network in self.failed or network in self.remaining():
            return None
        return max(trained, key=lambda k: float(self.low[k, network]))

    def leader(self) -> int | None:
        """Return the remaining network with the highest mean; None if all failed."""
        return max(self.remaining(), key=lambda k: float(self.means[k]), default=None)

    def rivals(self) -> list[int]:
        """Return the remaining networks besides the leader, the strongest first."""
        leader = self.leader()
        others = [k for k in self.remaining() if k != leader]
        return sorted(others, key=lambda k: float(self.low[leader, k]))

    def _open_rivals(self) -> list[int]:
        """Return the rivals below which the leader may be by more than the margin."""
        leader = self.leader()
        return [k for k in self.rivals() if -self.low[leader, k] >= self.margin]

    def loss(self) -> float:
        """Return the bound on the accuracy that is lost by taking the leader; 0 without rivals."""
        leader = self.leader()
        return max((0.0, *(-float(self.low[leader, k]) for k in self.rivals())))

    def is_settled(self) -> bool:
        """Return whether the leader is within the margin of every network that may be the best."""
        return not self._open_rivals()

    def practically_same(self) -> list[int]:
        """Return the rivals whose difference to the leader lies within the margin both ways."""
        leader = self.leader()
        return [k for k in self.rivals() if self._differ_less(leader, k)]

    def _differ_less(self, a: int | None, b: int) -> bool:
        return float(min(self.low[a, b], self.low[b, a])) > -self.margin

    def hopeless(self) -> dict[int, float]:
        """Return the rivals that no number of seeds can settle with these test images.

        Each has the smallest margin that could be settled. It is estimated from three runs or more
        of both networks and from their present gap, enlarged by its standard error.
        """
        leader = self.leader()
        open_ = [k for k in self._open_rivals() if self.runs[k] > START]
        if leader is None or not open_ or self.runs[leader] <= START:
            return {}
        runs = self.runs.astype(float)
        variance = self._noise.pairs[leader, open_]
        images = self.image_variance[leader, open_]
        limit = radius_with_endless_seeds(variance, images, self._level)
        n = _pair_runs(runs)[0][leader, open_]
        gap = self.means[leader] - self.means[open_] + np.sqrt(variance / n)
        needed = np.where(gap > limit, 0.0, limit - gap)
        found = zip(open_, needed, strict=True)
        return {k: float(margin) for k, margin in found if margin > self.margin}

    def next_network(
        self, costs: Sequence[float], pending: Integers, allowed: Sequence[bool]
    ) -> int | None:
        """Return the network whose next run helps most; None if no run is allowed or needed.

        `costs` are seconds per run, `pending` counts the runs that have not ended, and `allowed`
        says whether a further run of a network can be started.
        """
        if not self.rivals():
            return None
        runs = self.runs + pending
        may_run = [ok and bool(n < self.max_seeds) for ok, n in zip(allowed, runs, strict=True)]
        first = [k for k in self.remaining() if runs[k] < START]
        if first:  # the second runs of all before the third of any
            open_ = [k for k in first if may_run[k]]
            return min(open_, key=lambda k: (runs[k], costs[k]), default=None)
        leader, rivals = self.leader(), self._open_rivals()
        if leader is None or self.hopeless():
            return None
        gains = self._gains(runs, costs)
        return _most_helpful(leader, rivals, runs, gains, may_run, self.low)

    def _gains(self, runs: NDArray[Any], costs: Sequence[float]) -> Floats:
        """Return the variance of each mean that a further run removes, per second."""
        seconds = np.maximum(np.array(costs, dtype=float), 1e-6)
        return np.asarray(self._noise.networks / np.maximum(runs * (runs + 1.0), 1.0) / seconds)

    def forecast(self, costs: Sequence[float]) -> int | None:
        """Return the number of further runs that settle the race if its means and spreads stay.

        None if more than MOST_MORE_RUNS would be needed, or a network has no two runs yet.
        """
        leader = self.leader()
        if leader is None or self.runs[self.remaining()].min() < START:
            return None
        means, trained, low = self.means, self._trained(), self.low
        runs, spread = self.runs.astype(float), self._squares / np.maximum(self.runs - 1, 1)
        allowed = [True] * len(runs)
        for more in range(MOST_MORE_RUNS):
            remaining = _remaining(low, means, trained)
            rivals = sorted((k for k in remaining if k != leader), key=lambda k: low[leader, k])
            if not rivals or -low[leader, rivals[0]] < self.margin:
                return more
            gains = self._gains(runs, costs)
            chosen = _most_helpful(leader, rivals, runs, gains, allowed, low)
            assert chosen is not None
            runs[chosen] += 1
            noise = seed_noise(runs, spread * np.maximum(runs - 1, 0), self._floor)
            low = np.maximum(low, self._bounds(runs, means, noise))
        return None


def _pair_runs(runs: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the effective number of runs of each pair, and whether both networks have two."""
    enough = np.minimum(runs[:, None], runs[None, :]) >= START
    return np.where(enough, effective_runs(runs[:, None], runs[None, :]), 1.0), enough


def _remaining(low: Floats, means: Floats, trained: Sequence[int]) -> list[int]:
    """Return the trained networks that are below none of the others.

    If the intervals contradict each other, which is the risk that `LEVEL` bounds, the network with
    the highest mean remains.
    """
    kept = [k for k in trained if not (low[trained, k] > 0).any()]
    return kept or sorted(trained, key=lambda k: -means[k])[:1]


def _most_helpful(
    leader: int,
    rivals: Sequence[int],
    runs: NDArray[Any],
    gains: Floats,
    may_run: Sequence[bool],
    low: Floats,
) -> int | None:
    """Return the leader or its strongest rival, whichever narrows their interval more a second.

    While the interval has no bound, because one of the two has too few runs, it is the one with
    fewer runs, whatever it costs. If neither may run, the next rival is considered.
    """
    for rival in rivals:
        choice = [k for k in (leader, rival) if may_run[k]]
        if choice and not np.isfinite(low[leader, rival]):
            return min(choice, key=lambda k: (runs[k], -gains[k]))
        if choice:
            return max(choice, key=lambda k: float(gains[k]))
    return None
