"""Permutation test of the difference of means of two samples of runs, with its interval."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

from cnncompare.stats.variance_components import Floats

MOST_SPLITS = 10_000  # beyond, as many random ones
_TIE = 1e-12


@dataclass(frozen=True, eq=False)
class PermutationTest:
    """The test of all splits of `x` and `y` into samples of their sizes.

    A shift is a true difference of the means, subtracted from `x` before the runs are permuted.
    """

    x: Floats
    y: Floats

    @property
    def centre(self) -> float:
        """The difference of the means."""
        return float(self.x.mean() - self.y.mean())

    @cached_property
    def smallest_p(self) -> float:
        """The smallest two-sided p that samples of these sizes can give."""
        splits = comb(len(self.x) + len(self.y), len(self.x))
        if splits > MOST_SPLITS:
            return 1 / (MOST_SPLITS + 1)
        return (2 if len(self.x) == len(self.y) else 1) / splits

    def _permuted(self, shift: float) -> tuple[Floats, float]:
        """Return the differences of the means of all splits, and the observed one."""
        shifted = np.concatenate([self.x - shift, self.y])
        first = _splits(len(self.x), len(self.y))
        sums, n, m = shifted[first].sum(axis=1), len(self.x), len(self.y)
        return sums / n - (shifted.sum() - sums) / m, self.centre - shift

    def p(self, shift: float = 0.0) -> float:
        """Return the two-sided p of the hypothesis that the true difference is `shift`."""
        permuted, observed = self._permuted(shift)
        return float((abs(permuted) >= abs(observed) * (1 - _TIE) - _TIE).mean())

    def p_above(self, shift: float) -> float:
        """Return the p of the hypothesis that the true difference is at most `shift`."""
        permuted, observed = self._permuted(shift)
        return float((permuted >= observed - _TIE).mean())

    def p_below(self, shift: float) -> float:
        """Return the p of the hypothesis that the true difference is at least `shift`."""
        permuted, observed = self._permuted(shift)
        return float((permuted <= observed + _TIE).mean())

    def interval(self, alpha: float) -> tuple[float, float] | None:
        """Return the shifts that the test does not reject; None if it can reject none."""
        if self.smallest_p >= alpha:
            return None
        return self._bound(-1, alpha), self._bound(1, alpha)

    def _bound(self, side: int, alpha: float) -> float:
        values = np.concatenate([self.x, self.y])
        inside, outside = 0.0, 4 * float(np.ptp(values)) + 1e-9
        for _ in range(40):
            middle = (inside + outside) / 2
            if self.p(self.centre + side * middle) >= alpha:
                inside = middle
            else:
                outside = middle
        return self.centre + side * outside


@lru_cache(maxsize=64)
def _splits(n: int, m: int) -> NDArray[np.intp]:
    """Return the positions of the first sample: the observed split first, then the others."""
    if comb(n + m, n) <= MOST_SPLITS:
        return np.array(list(combinations(range(n + m), n)))
    rng = np.random.default_rng(0)
    random = [rng.permutation(n + m)[:n] for _ in range(MOST_SPLITS)]
    return np.array([np.arange(n), *random])
