"""Statistical power: the numbers of seeds and test images needed to detect a difference."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cnncompare.stats.two_samples import Difference
from cnncompare.stats.variance_components import least_significant_difference

TARGET_POWER = 0.8
SEEDS = (*range(2, 13), 14, 16, 18, 20, 25, 30, 40, 50, 75, 100)  # "about 30" is precise enough
IMAGE_FACTORS = (1.25, 1.5, 2, 2.5, 3, 4, 5, 7, 10, 15, 20, 30, 50, 100)

# (true difference, alpha, seeds, images) -> power in [0, 1]; None stands for the present number
PowerFunction = Callable[[float, float, int | None, int | None], float]


@dataclass(frozen=True)
class SampleSizePlan:
    """Total numbers of seeds per model, or of test images, that reach the target power.

    They assume that the true difference is the observed one. Each number is computed with the
    other at its present value; it is None if the largest candidate does not suffice or the number
    cannot vary. `detectable` is the smallest true difference that is detected with the target
    power at the present numbers. `present_images` is 0 where the number cannot vary.
    """

    seeds: int | None
    images: int | None
    detectable: float | None
    present_images: int = 0


def plan_sample_sizes(
    difference: float, power: PowerFunction, alpha: float, seeds: int | None, images: int | None
) -> SampleSizePlan:
    """Return the plan for a tied pair; `seeds` and `images` are the present numbers.

    None stands for a number that cannot vary.
    """
    needed_seeds = needed_images = None
    if difference != 0 and seeds is not None:
        more = [n for n in SEEDS if n > seeds]
        needed_seeds = _first_sufficient(more, lambda n: power(difference, alpha, n, None))
    if difference != 0 and images is not None:
        larger = [math.ceil(images * factor) for factor in IMAGE_FACTORS]
        needed_images = _first_sufficient(larger, lambda n: power(difference, alpha, None, n))
    detectable = _detectable_difference(power, alpha)
    return SampleSizePlan(needed_seeds, needed_images, detectable, images or 0)


def _first_sufficient(candidates: list[int], power: Callable[[int], float]) -> int | None:
    """Return the first of the ascending candidates that reaches the target power, by bisection."""
    low, high = 0, len(candidates)
    while low < high:
        middle = (low + high) // 2
        if power(candidates[middle]) >= TARGET_POWER:
            high = middle
        else:
            low = middle + 1
    return candidates[low] if low < len(candidates) else None


def _detectable_difference(power: PowerFunction, alpha: float) -> float | None:
    low, high = 0.0, 1.0
    if power(high, alpha, None, None) < TARGET_POWER:
        return None
    while high - low > 0.005 * high:
        middle = (low + high) / 2
        if power(middle, alpha, None, None) >= TARGET_POWER:
            high = middle
        else:
            low = middle
    return high


def power_over_seeds_and_images(found: Difference) -> PowerFunction:
    """Return the power of the test of two samples over seeds and images."""

    def power(difference: float, alpha: float, seeds: int | None, images: int | None) -> float:
        v_seeds, v_images, df = found.variances(seeds, images)
        return _power_of_t(difference, alpha, v_seeds, v_images, _coarse(df))

    return power


def _coarse(df: float) -> float:
    """Return fewer degrees of freedom that many pairs share, since critical values are cached."""
    return max(0.5, math.floor(2 * df) / 2) if df < 20 else 10 * math.floor(df / 10)


def power_over_runs(variance: float, seeds: int, samples: int) -> PowerFunction:
    """Return the power of Student's t test over runs, with `variance` that of one difference.

    `samples` is 1 for `seeds` pairs of runs, and 2 for two independent samples of `seeds` runs.
    """

    def power(difference: float, alpha: float, n: int | None, images: int | None) -> float:
        runs = n or seeds
        return _power_of_t(difference, alpha, variance / runs, 0.0, samples * (runs - 1))

    return power


_QUANTILES: NDArray[np.float64] = (np.arange(64, dtype=np.float64) + 0.5) / 64


def _power_of_t(
    difference: float, alpha: float, v_seeds: float, v_images: float, df: float
) -> float:
    """Return the power, averaged over the distribution of the seeds' estimated variance.

    That distribution is a scaled chi-square, of which 64 quantiles are used.
    """
    from scipy.special import chdtri, ndtr

    if v_seeds + v_images == 0:
        return 1.0 if difference else 0.0
    estimates = np.asarray(v_seeds * chdtri(df, 1 - _QUANTILES) / df, np.float64)
    bound = least_significant_difference(estimates, v_images, df, alpha)
    sd, shift = math.sqrt(v_seeds + v_images), abs(difference)
    return float((ndtr((shift - bound) / sd) + ndtr((-shift - bound) / sd)).mean())


def power_mcnemar(discordant: float, images: int) -> PowerFunction:
    """Return the power of the exact McNemar test; `discordant` is the share of discordant images.

    The number of discordant images is binomial, and the test given that number is a sign test. If
    the difference exceeds the share, the share is raised to it.
    """

    def power(difference: float, alpha: float, seeds: int | None, n: int | None) -> float:
        share = min(1.0, max(discordant, abs(difference), 1e-12))
        return _power_of_sign_test(n or images, share, (1 + abs(difference) / share) / 2, alpha)

    return power


def _power_of_sign_test(n: int, share: float, wins: float, alpha: float) -> float:
    """Return the power over n images; `wins` is one model's share of the discordant images."""
    from scipy.stats import binom

    discordant = _likely_counts(n, share)
    weight = binom.pmf(discordant, n, share)
    edge = binom.ppf(alpha / 2, discordant, 0.5)  # losses; the test rejects at it or just below
    rejects_at_edge = 2 * binom.cdf(edge, discordant, 0.5) < alpha
    bound = np.where(rejects_at_edge, edge, edge - 1)
    rejected = binom.cdf(bound, discordant, 1 - wins) + binom.cdf(bound, discordant, wins)
    return float((weight * rejected).sum() / weight.sum())


def _likely_counts(n: int, share: float) -> NDArray[np.int64]:
    """Return the binomial counts within 6 standard deviations of the mean, thinned to about 400."""
    sd = math.sqrt(n * share * (1 - share))
    counts = np.arange(max(0, int(n * share - 6 * sd)), min(n, math.ceil(n * share + 6 * sd)) + 1)
    return counts[:: max(1, len(counts) // 400)]
