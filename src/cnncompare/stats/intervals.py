"""95 % confidence intervals of an accuracy: over test images, over seeds, and over both."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cnncompare.stats.variance_components import (
    estimate_variance_components,
    least_significant_difference,
)

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


def t_over_seeds_and_images(scores: NDArray[np.float64]) -> Interval:
    """Return the interval of the mean of `scores` [S >= 2, N] for other seeds and other images."""
    variances = estimate_variance_components(scores)
    v_seeds, v_images = variances.seed_variance_of_mean(), variances.image_variance_of_mean()
    half = float(least_significant_difference(v_seeds, v_images, variances.seeds - 1))
    low, high = max(0.0, variances.mean - half), min(1.0, variances.mean + half)
    return Interval(low, high, "t over seeds and images")


def bonett_price(wins: int, losses: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of (wins - losses) / n, a difference of two paired shares.

    Source: Bonett and Price 2012.
    """
    up, down = (wins + 1) / (n + 2), (losses + 1) / (n + 2)
    half = Z * math.sqrt(max(0.0, up + down - (up - down) ** 2) / (n + 2))
    return max(-1.0, up - down - half), min(1.0, up - down + half)


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


def hierarchical_bootstrap(
    correct: NDArray[np.bool_], draws: int = 4000, seed: int = 0
) -> Interval:
    """Return the interval of the mean of `correct` [S >= 2, N] for other seeds and other images.

    Images are resampled with replacement, and scaled to the variance that the spread between
    seeds does not contain (see variance_components). The variation between seeds is drawn from
    Student's t: resampling S seeds would underestimate their variance by the factor (S - 1) / S
    and could not leave the range of their values.
    """
    n_seeds, n_images = correct.shape
    if correct.all() or not correct.any():  # every resample would be the same
        return wilson(float(correct.mean()) * n_images, n_images)
    rng = np.random.default_rng(seed)
    variances = estimate_variance_components(correct)
    from_images = _resampled_means(correct, draws, rng) - variances.mean
    spread = from_images.std()
    if spread > 0:
        from_images *= math.sqrt(variances.image_variance_of_mean()) / spread
    from_seeds = rng.standard_t(n_seeds - 1, size=draws)
    from_seeds *= math.sqrt(variances.seed_variance_of_mean())
    means = variances.mean + from_images + from_seeds
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(max(0.0, float(low)), min(1.0, float(high)), "bootstrap over seeds and images")


def _resampled_means(
    correct: NDArray[np.bool_], draws: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the means of `draws` resamples of the images, each image with all its seeds.

    The mean over S seeds takes S + 1 values, so that a resample is one multinomial draw.
    """
    n_seeds, n_images = correct.shape
    hits = correct.sum(axis=0, dtype=np.int64)
    shares = np.bincount(hits, minlength=n_seeds + 1) / n_images
    counts = rng.multinomial(n_images, shares, size=draws)
    means: NDArray[np.float64] = counts @ np.arange(n_seeds + 1) / (n_seeds * n_images)
    return means
