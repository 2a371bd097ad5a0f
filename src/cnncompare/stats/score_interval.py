"""Interval of a network's metric for other seeds and other images of the same kind."""

import math

from cnncompare.stats.intervals import Interval
from cnncompare.stats.two_samples import Sample
from cnncompare.stats.variance_components import least_significant_difference

ALPHA = 0.05
PSEUDO_IMAGES = 0.2  # added to the images' variance, which few errors estimate too small at times


def score_interval(sample: Sample, alpha: float = ALPHA) -> Interval:
    """Return the interval of level 1 - `alpha` of a mean in [0, 1] over seeds and images.

    It is Wilson's score interval (1927) for the number of independent images that has the
    variance of the mean, with the quantile of the sum of both parts of this variance. Its
    variance shrinks towards 100 %, where one of a fixed width would be too short above and too
    long below. A single run says nothing about seeds: its interval is over the images alone.
    """
    mean, binomial = sample.mean, sample.mean * (1 - sample.mean)
    v_seeds = 0.0 if sample.run_variance is None else sample.run_variance / sample.runs
    v_images = sample.image_variance / sample.images
    method = "images" if sample.run_variance is None else "seeds and images"
    if binomial <= 0 or v_seeds + v_images <= 0:
        return _wilson(mean, sample.images, alpha_quantile(alpha), method)
    if sample.run_variance is None:
        # with scores of 0 and 1 this is Wilson's interval: the variance has the divisor N - 1
        v_images *= 1 - 1 / sample.images
        quantile = alpha_quantile(alpha)
    else:
        v_images += PSEUDO_IMAGES * (sample.scale[1] - sample.scale[0]) ** 2 / sample.images**2
        quantile = _quantile(v_seeds, v_images, sample.runs - 1, alpha)
    return _wilson(mean, binomial / (v_seeds + v_images), quantile, method)


def _quantile(v_seeds: float, v_images: float, df: int, alpha: float) -> float:
    """Return the quantile of the error of a mean, in standard errors.

    The Behrens-Fisher form keeps every level, but its 95 % interval covers 98 to 99 % with two or
    three seeds and a variance that is mostly due to the images. There, Satterthwaite's
    approximation is right, which is too narrow for other levels and for large variances of the
    seeds. The 95 % interval lies between them, by the seeds' share of the variance.
    """
    from scipy.special import stdtrit

    total = v_seeds + v_images
    exact = float(least_significant_difference(v_seeds, v_images, df, alpha)) / math.sqrt(total)
    share = v_seeds / total
    if alpha < ALPHA or share <= 0:
        return exact
    approximate = float(stdtrit(df / share**2, 1 - alpha / 2))
    return exact + (approximate - exact) * (1 - share) ** 2


def alpha_quantile(alpha: float) -> float:
    """Return the two-sided quantile of the standard normal distribution."""
    from statistics import NormalDist

    return -NormalDist().inv_cdf(alpha / 2)


def _wilson(share: float, n: float, z: float, method: str) -> Interval:
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * math.sqrt(max(0.0, share * (1 - share)) / n + z**2 / (4 * n * n)) / (1 + z**2 / n)
    return Interval(max(0.0, centre - half), min(1.0, centre + half), method)
