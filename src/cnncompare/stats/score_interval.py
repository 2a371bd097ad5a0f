"""Interval of a network's metric for other seeds and other images of the same kind."""

import math

from cnncompare.stats.intervals import Interval
from cnncompare.stats.two_samples import Sample
from cnncompare.stats.variance_components import least_significant_difference


def score_interval(sample: Sample, alpha: float = 0.05) -> Interval:
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
        bound = least_significant_difference(v_seeds, v_images, sample.runs - 1, alpha)
        quantile = float(bound) / math.sqrt(v_seeds + v_images)
    return _wilson(mean, binomial / (v_seeds + v_images), quantile, method)


def alpha_quantile(alpha: float) -> float:
    """Return the two-sided quantile of the standard normal distribution."""
    from statistics import NormalDist

    return -NormalDist().inv_cdf(alpha / 2)


def _wilson(share: float, n: float, z: float, method: str) -> Interval:
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * math.sqrt(max(0.0, share * (1 - share)) / n + z**2 / (4 * n * n)) / (1 + z**2 / n)
    return Interval(max(0.0, centre - half), min(1.0, centre + half), method)
