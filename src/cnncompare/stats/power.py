"""Power: with how many seeds or test images a difference of a given size would be found."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from cnncompare.stats.variance_components import VarianceComponents, least_significant_difference

WANTED = 0.8  # the power that is planned for
SEEDS = (*range(2, 13), 14, 16, 18, 20, 25, 30, 40, 50, 75, 100)  # "about 30" is precise enough
IMAGE_FACTORS = (1.25, 1.5, 2, 2.5, 3, 4, 5, 7, 10, 15, 20, 30, 50, 100)

# power(difference, alpha, seeds or None for as many as now, images or None) in [0, 1]
PowerFunction = Callable[[float, float, int | None, int | None], float]


@dataclass(frozen=True)
class SampleSizePlan:
    """What would settle a tied pair at 80 % power, were its true difference the observed one.

    `seeds` of each model and `images` of the test set are totals, each with the other as it is;
    null where not even the largest number tried would do, or nothing is known about it.
    `detectable` is the smallest true difference that runs as many as these find at 80 % power.
    """

    seeds: int | None
    images: int | None
    detectable: float | None


def plan_sample_sizes(
    difference: float, power: PowerFunction, alpha: float, seeds: int | None, images: int | None
) -> SampleSizePlan:
    """Return what would settle a pair; `seeds`, `images` are now's, None where they cannot vary."""
    needed_seeds = needed_images = None
    if difference != 0 and seeds is not None:
        more = [n for n in SEEDS if n > seeds]
        needed_seeds = _first(more, lambda n: power(difference, alpha, n, None))
    if difference != 0 and images is not None:
        larger = [math.ceil(images * factor) for factor in IMAGE_FACTORS]
        needed_images = _first(larger, lambda n: power(difference, alpha, None, n))
    return SampleSizePlan(needed_seeds, needed_images, _detectable(power, alpha))


def _first(candidates: list[int], power: Callable[[int], float]) -> int | None:
    """Return the first of the ascending candidates that reaches the wanted power."""
    low, high = 0, len(candidates)
    while low < high:
        middle = (low + high) // 2
        if power(candidates[middle]) >= WANTED:
            high = middle
        else:
            low = middle + 1
    return candidates[low] if low < len(candidates) else None


def _detectable(power: PowerFunction, alpha: float) -> float | None:
    low, high = 0.0, 1.0
    if power(high, alpha, None, None) < WANTED:
        return None
    while high - low > 0.005 * high:
        middle = (low + high) / 2
        if power(middle, alpha, None, None) >= WANTED:
            high = middle
        else:
            low = middle
    return high


def power_over_seeds_and_images(parts: VarianceComponents) -> PowerFunction:
    """Return the power of the paired test over seeds and images (crossed.two_sided_p)."""
    known = replace(parts, var_seed=max(0.0, parts.var_seed))

    def power(difference: float, alpha: float, seeds: int | None, images: int | None) -> float:
        v_seeds, v_images = (
            known.seed_variance_of_mean(seeds, images),
            known.image_variance_of_mean(images),
        )
        return _power_t(difference, alpha, v_seeds, v_images, (seeds or known.seeds) - 1)

    return power


def power_over_runs(variance: float, seeds: int, samples: int) -> PowerFunction:
    """Return the power of Student's t: one sample of paired runs, or two samples of `seeds` runs.

    `variance` is that of one run's difference.
    """

    def power(difference: float, alpha: float, n: int | None, images: int | None) -> float:
        runs = n or seeds
        return _power_t(difference, alpha, variance / runs, 0.0, samples * (runs - 1))

    return power


_QUANTILES = (np.arange(64) + 0.5) / 64


def _power_t(difference: float, alpha: float, v_seeds: float, v_images: float, df: int) -> float:
    """Average over what the seeds' variance may be found to be (chi-square, 64 quantiles)."""
    from scipy.special import chdtri, ndtr

    if v_seeds + v_images == 0:
        return 1.0 if difference else 0.0
    found = v_seeds * chdtri(df, 1 - _QUANTILES) / df
    bound = least_significant_difference(found, v_images, df, alpha)
    sd, shift = math.sqrt(v_seeds + v_images), abs(difference)
    return float((ndtr((shift - bound) / sd) + ndtr((-shift - bound) / sd)).mean())


def power_mcnemar(discordant: float, images: int) -> PowerFunction:
    """Return the power of the exact McNemar test, `discordant` the share of discordant images.

    The number of discordant images is binomial; given it, the test is a sign test. A difference
    above the discordant share raises the share to it.
    """

    def power(difference: float, alpha: float, seeds: int | None, n: int | None) -> float:
        share = min(1.0, max(discordant, abs(difference), 1e-12))
        return _power_sign(n or images, share, (1 + abs(difference) / share) / 2, alpha)

    return power


def _power_sign(n: int, share: float, wins: float, alpha: float) -> float:
    from scipy import stats

    sd = math.sqrt(n * share * (1 - share))
    counts = np.arange(max(0, int(n * share - 6 * sd)), min(n, math.ceil(n * share + 6 * sd)) + 1)
    counts = counts[:: max(1, len(counts) // 400)]
    weight = stats.binom.pmf(counts, n, share)
    edge = stats.binom.ppf(alpha / 2, counts, 0.5)  # of the losing images; it rejects, or is next
    bound = np.where(2 * stats.binom.cdf(edge, counts, 0.5) < alpha, edge, edge - 1)
    found = stats.binom.cdf(bound, counts, 1 - wins) + stats.binom.cdf(bound, counts, wins)
    return float((weight * found).sum() / weight.sum())
