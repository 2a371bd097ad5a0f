"""Confidence sequence of a difference: an interval that stays right however often one looks.

A test that is repeated after every added seed finds a difference between equal networks in 8 to
21 % of studies. The mixture likelihood ratio of Student's t over a normal prior of the
standardised difference (Robbins 1970; Lai 1976) does not: its supremum over all numbers of seeds
exceeds 1/alpha with probability alpha at most. The first look was an ordinary test at the full
level, of which its cautious degrees of freedom save about a fifth. The looks that follow therefore
get three fifths of alpha for the seeds and one fifth for the error of the test images, which is
the same at every look, so that one bound holds for all.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist

from cnncompare.stats.two_samples import Difference

PRIOR_SD = 3.0  # of the true difference, in standard deviations over seeds
SEEDS_SHARE = 0.6  # of alpha
IMAGES_SHARE = 0.2  # of alpha
_LEAST_P = 1e-15


@dataclass(frozen=True)
class SequentialDifference:
    """A difference whose p values and intervals allow for looks before the present one."""

    found: Difference

    @property
    def centre(self) -> float:
        """The difference with the pseudo-images."""
        return self.found.centre

    @cached_property
    def _runs(self) -> float:
        a, b = self.found.runs
        return a * b / (a + b)

    def half_width(self, alpha: float) -> float:
        """Return half of the interval's width; infinite if the runs are too few for `alpha`."""
        images = -NormalDist().inv_cdf(IMAGES_SHARE * alpha / 2)
        seeds = self._seeds_half_width(SEEDS_SHARE * alpha)
        return seeds + images * math.sqrt(self.found.v_images)

    def _seeds_half_width(self, alpha: float) -> float:
        df = min(self.found.cautious_df, sum(self.found.runs) - 2)
        spread = 1 + self._runs * PRIOR_SD**2
        ratio = (math.sqrt(spread) / alpha) ** (2 / (df + 1))
        if ratio >= spread:
            return math.inf
        t2 = (ratio - 1) * df / (1 - ratio / spread)
        return math.sqrt(t2 * self.found.v_seeds)

    def p(self, shift: float = 0.0) -> float:
        """Return the smallest alpha whose interval excludes `shift`, at most 1."""
        distance = abs(self.centre - shift)
        low, high = math.log(_LEAST_P), 0.0
        if distance <= self.half_width(1.0):
            return 1.0
        for _ in range(60):
            middle = (low + high) / 2
            if distance > self.half_width(math.exp(middle)):
                high = middle
            else:
                low = middle
        return math.exp(high)

    def p_above(self, shift: float) -> float:
        """Return the p of the hypothesis that the true difference is at most `shift`."""
        return self.p(shift) if self.centre > shift else 1.0

    def p_below(self, shift: float) -> float:
        """Return the p of the hypothesis that the true difference is at least `shift`."""
        return self.p(shift) if self.centre < shift else 1.0

    def interval(self, alpha: float) -> tuple[float, float] | None:
        """Return the interval of level 1 - `alpha`; None if it has no bounds."""
        half = self.half_width(alpha)
        return None if math.isinf(half) else (self.centre - half, self.centre + half)
