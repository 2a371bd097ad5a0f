"""95 % confidence intervals of an accuracy over test images or seeds, and of a difference."""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
Z = 1.959963984540054  # quantile of the standard normal distribution at (1 + LEVEL) / 2


@dataclass(frozen=True)
class Interval:
    """A 95 % confidence interval; the bounds are None if it cannot be computed."""

    low: float | None
    high: float | None
    method: str


def wilson(correct: float, n: float) -> Interval:
    """Return Wilson's score interval of the share `correct` / `n`.

    Source: Wilson 1927. statsmodels' proportion_confint gives the same but takes 1 s to import.
    """
    share, z2 = correct / n, Z**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    return Interval(max(0.0, centre - half), min(1.0, centre + half), "wilson")


def wilson_of_scores(scores: NDArray[np.float64], most_images: float) -> Interval:
    """Return Wilson's interval of the mean of `scores` [N], each image's share of a metric.

    Wilson's number of images is that of which a share would have the variance of the mean, and at
    most `most_images`: without errors among the images of a class, the variance is 0.
    """
    mean, variance = float(scores.mean()), float(scores.var()) / len(scores)
    mean = min(1.0, max(0.0, mean))
    n = min(most_images, mean * (1 - mean) / variance) if variance > 0 else most_images
    share, effective = max(1.0, n) * mean, max(1.0, n)
    return wilson(share, effective)


@dataclass(frozen=True)
class PairedShares:
    """The difference (wins - losses) / n of two paired shares (Bonett and Price 2012)."""

    wins: int
    losses: int
    n: int

    @property
    def centre(self) -> float:
        """The difference with one win and one loss added."""
        return (self.wins - self.losses) / (self.n + 2)

    @property
    def standard_error(self) -> float:
        """The standard error with one win and one loss added."""
        discordant = (self.wins + self.losses + 2) / (self.n + 2)
        return math.sqrt(max(0.0, discordant - self.centre**2) / (self.n + 2))

    def p_above(self, shift: float) -> float:
        """Return the p of the hypothesis that the true difference is at most `shift`."""
        return 0.5 * math.erfc((self.centre - shift) / self.standard_error / math.sqrt(2))

    def p_below(self, shift: float) -> float:
        """Return the p of the hypothesis that the true difference is at least `shift`."""
        return 1 - self.p_above(shift)

    def interval(self, alpha: float) -> tuple[float, float]:
        """Return the interval of level 1 - `alpha`."""
        half = -NormalDist().inv_cdf(alpha / 2) * self.standard_error
        return max(-1.0, self.centre - half), min(1.0, self.centre + half)


def t_over_seeds(values: list[float], images: int | None = None) -> Interval:
    """Return Student's t interval of the mean of `values`, one per seed, for fixed test images.

    With fewer than two values the bounds are None. If the values are shares of `images`, the
    interval stays in [0, 1], and the standard deviation is at least that of rounding to one
    image, so that seeds with equal accuracies do not give an interval of width 0.
    """
    if len(values) < 2:
        return Interval(None, None, "t over seeds")
    from scipy.special import stdtrit

    mean = float(np.mean(values))
    rounding = 1 / (math.sqrt(12) * images) if images else 0.0
    sd = max(float(np.std(values, ddof=1)), rounding)
    half = sd / math.sqrt(len(values)) * float(stdtrit(len(values) - 1, 0.5 + LEVEL / 2))
    low, high = mean - half, mean + half
    if images:
        low, high = max(0.0, low), min(1.0, high)
    return Interval(low, high, "t over seeds")
