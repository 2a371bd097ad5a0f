"""Difference of two networks, each trained with seeds of its own, on common test images.

The seeds of one network say nothing about the same seeds of another, so the variances between
seeds add up (two independent samples), and all runs of both networks count. Their error is
Student's t with Welch's degrees of freedom. In a table of three or more networks the variance
between seeds is the larger of the pair's own and the one pooled over the table, without networks
that spread significantly more than the others. In simulations this keeps the level also if one
network spreads five times as much as the others, unlike the pooled variance alone, and with two
seeds it finds nearly twice as many differences as the pair's own. Welch's test alone exceeds the
level if two or three seeds of each show unequal spreads, so that it gets fewer degrees of freedom.

The images are common to all runs. Their variance is estimated from products between
different seeds, and two pseudo-images, one won and one lost in all runs, keep the intervals right
near 100 % (the rule of Bonett and Price 2012 for one run of each).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnncompare.stats.variance_components import (
    Floats,
    estimate_variance_components,
    least_significant_difference,
    two_sided_p,
)

MOST_DF_OF_TWO_SEEDS = 4.0  # of the pooled variance; with more, the level does not hold
OUTLIER = 0.01  # level of the test for a network that spreads more than the others
CAUTION = 0.87  # of Welch's degrees of freedom are used, and with unequal spreads a share of these:
UNEQUAL_SPREADS = 0.8
Scores = NDArray[np.floating[Any]] | NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Sample:
    """Moments of the scores of one network; `run_variance` is None for a single run.

    `run_variance` is the variance between the means of its runs, of which `rest_variance` is the
    share that is proportional to 1 / images. `image_variance` is that of one image's expectation
    over seeds (for a single run, of the image's score). `scale` is the range of the scores.
    """

    runs: int
    images: int
    mean: float
    image_means: Floats
    image_variance: float
    run_variance: float | None
    rest_variance: float
    scale: tuple[float, float]


def sample_of(scores: Scores) -> Sample:
    """Return the moments of `scores` [S, N], whose mean is the metric."""
    runs, images = scores.shape
    image_means = scores.mean(axis=0, dtype=np.float64)
    scale = (float(scores.min()), float(scores.max()))
    if runs == 1:
        variance = float(image_means.var(ddof=1)) if images > 1 else 0.0
        return Sample(1, images, float(image_means.mean()), image_means, variance, None, 0.0, scale)
    parts = estimate_variance_components(scores)
    rounding = (max(1.0, scale[1] - scale[0]) / images) ** 2 / 12
    run_variance = max(parts.var_seed + parts.var_rest / images, rounding)
    rest = min(parts.var_rest / images, run_variance)
    return Sample(runs, images, parts.mean, image_means, parts.var_image, run_variance, rest, scale)


@dataclass(frozen=True)
class PooledVariance:
    """Variance between runs, pooled over the networks of a table, with its degrees of freedom."""

    variance: float
    df: int


def pooled_variance(samples: Sequence[Sample]) -> PooledVariance | None:
    """Return the pooled variance of the samples of two or more runs; None for fewer than three.

    Networks that spread significantly more than the others (F test at 1 %) are left out.
    """
    from scipy.special import fdtrc

    several = sorted((s.run_variance, s.runs - 1) for s in samples if s.run_variance is not None)
    if len(several) < 3:
        return None
    while len(several) > 2:
        *others, (largest, df) = several
        rest = _pooled(others)
        p = float(fdtrc(df, rest.df, largest / rest.variance)) if rest.variance else 0.0
        if p >= OUTLIER / len(several):
            break
        several = others
    return _pooled(several)


def _pooled(several: Sequence[tuple[float, int]]) -> PooledVariance:
    df = sum(n for _, n in several)
    return PooledVariance(sum(n * v for v, n in several) / df, df)


@dataclass(frozen=True)
class Difference:
    """A difference of means with its two variances, of seeds and of images.

    `centre` is the difference shrunk by the pseudo-images; tests and intervals refer to it.
    With `cautious`, tests have the degrees of freedom of `cautious_df` instead of `df`.
    `per_run` is the variance between runs that a further run of each network shares, and `rest`
    the share of it that is proportional to 1 / images; both serve plans only.
    """

    centre: float
    v_seeds: float
    v_images: float
    df: float
    runs: tuple[int, int]
    images: int
    per_run: float
    rest: float
    cautious: bool = False

    @property
    def standard_error(self) -> float:
        """The standard error over seeds and images."""
        return math.sqrt(self.v_seeds + self.v_images)

    @property
    def cautious_df(self) -> float:
        """The degrees of freedom of cautious tests and intervals, fewer than Welch's.

        Welch's are estimated from the spreads: with two or three seeds they are often too many if
        one network spreads more, which led to 6 % false claims between two networks, and to 7 %
        with the looks that follow. Those of a pooled variance or of one network are used as given.
        """
        least, most = sorted(runs - 1 for runs in self.runs)
        if least < 1 or self.df > least + most:
            return self.df
        equality = min(1.0, max(0.0, (self.df - least) / most))
        return self.df * CAUTION * (1 - (1 - UNEQUAL_SPREADS) * (1 - equality) ** 2)

    @property
    def _df(self) -> float:
        return self.cautious_df if self.cautious else self.df

    def p(self, shift: float = 0.0) -> float:
        """Return the two-sided p of the hypothesis that the true difference is `shift`."""
        return two_sided_p(self.centre - shift, self.v_seeds, self.v_images, self._df)

    def p_above(self, shift: float) -> float:
        """Return the p of the hypothesis that the true difference is at most `shift`."""
        half = self.p(shift) / 2
        return half if self.centre > shift else 1 - half

    def p_below(self, shift: float) -> float:
        """Return the p of the hypothesis that the true difference is at least `shift`."""
        return 1 - self.p_above(shift)

    def interval(self, alpha: float) -> tuple[float, float]:
        """Return the interval of level 1 - `alpha`."""
        variances, df = (self.v_seeds, self.v_images), self._df
        half = float(least_significant_difference(*variances, df, alpha))
        return self.centre - half, self.centre + half

    def variances(self, seeds: int | None, images: int | None) -> tuple[float, float, float]:
        """Return v_seeds, v_images and df with `seeds` runs of each network and `images` images.

        None stands for the present number.
        """
        shrink = self.images / (images or self.images)
        per_run = self.per_run - self.rest * (1 - shrink)
        ratio = per_run / self.per_run if self.per_run else 1.0
        if seeds is None:
            return self.v_seeds * ratio, self.v_images * shrink, self._df
        df = self._df / (max(self.runs) - 1) * (seeds - 1)
        return per_run / seeds, self.v_images * shrink, max(1.0, df)


def difference_of(a: Sample, b: Sample, pool: PooledVariance | None) -> Difference:
    """Return the difference of `a` and `b`, of which one at least has two or more runs."""
    v_seeds, df = _seed_variance(a, b, pool)
    centre, v_images = _centre_and_image_variance(a, b)
    per_run = v_seeds / (1 / a.runs + 1 / b.runs) * 2
    rest = min(per_run, a.rest_variance + b.rest_variance)
    return Difference(centre, v_seeds, v_images, df, (a.runs, b.runs), a.images, per_run, rest)


def _seed_variance(a: Sample, b: Sample, pool: PooledVariance | None) -> tuple[float, float]:
    """Return the variance due to the seeds and its degrees of freedom.

    A network with a single run is taken to spread like the other one, or like the table.
    """
    known = [s for s in (a, b) if s.run_variance is not None]
    first, last = known[0], known[-1]
    of_a = (a if a.run_variance is not None else first).run_variance or 0.0
    of_b = (b if b.run_variance is not None else last).run_variance or 0.0
    own = of_a / a.runs + of_b / b.runs
    df = welch_df(known) if len(known) == 2 else first.runs - 1.0
    if pool is None:
        return own, df
    pooled = pool.variance * (1 / a.runs + 1 / b.runs)
    if pooled <= own:
        return own, df
    of_others = pool.df - sum(s.runs - 1 for s in known)
    few = min(s.runs for s in known) == 2
    return pooled, max(1.0, df, min(of_others, MOST_DF_OF_TWO_SEEDS) if few else pool.df)


def welch_df(samples: Sequence[Sample]) -> float:
    """Return Welch's degrees of freedom of a difference of two samples of two or more runs."""
    parts = [(s.run_variance or 0.0) / s.runs for s in samples]
    weighted = sum(v**2 / (s.runs - 1) for v, s in zip(parts, samples, strict=True))
    return sum(parts) ** 2 / weighted


def _centre_and_image_variance(a: Sample, b: Sample) -> tuple[float, float]:
    """Return the centre and the variance due to the images, with the two pseudo-images."""
    images = a.images
    scale = max(1.0, max(a.scale[1], b.scale[1]) - min(a.scale[0], b.scale[0]))
    difference = a.mean - b.mean
    deviations = (a.image_means - a.mean) * (b.image_means - b.mean)
    covariance = float(deviations.sum()) / max(1, images - 1)
    variance = max(0.0, a.image_variance + b.image_variance - 2 * covariance)
    centre = difference * images / (images + 2)
    squares = images * (variance + difference**2) + 2 * scale**2
    return centre, max(0.0, squares / (images + 2) - centre**2) / (images + 2)
