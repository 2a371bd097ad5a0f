"""95 % intervals of an accuracy: one run, over seeds, over seeds and test images together."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cnncompare.stats.variance_components import estimate_variance_components

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A 95 % interval; `method` says of what. Null where it cannot be known."""

    low: float | None
    high: float | None
    method: str


def wilson(correct: float, n: int) -> Interval:
    """Return Wilson's score interval of a share, `correct` of `n` images.

    Source: Wilson 1927; statsmodels' proportion_confint agrees, at 1 s less to import.
    """
    z2 = 1.959963984540054**2
    share = correct / n
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    return Interval(max(0.0, centre - half), min(1.0, centre + half), "wilson")


def over_seeds(values: list[float], images: int | None = None) -> Interval:
    """Return Student's t interval of the mean over runs, for the same test images.

    What another seed's mean would be, were the whole repeated. Fewer than two give null. Values
    that are shares of `images` stay in [0, 1], and are known to one image at best: seeds that
    happen to agree do not make the spread 0.
    """
    if len(values) < 2:
        return Interval(None, None, "t over seeds")
    from scipy.special import stdtrit

    mean = float(np.mean(values))
    sd = max(float(np.std(values, ddof=1)), 1 / (math.sqrt(12) * images) if images else 0.0)
    half = sd / math.sqrt(len(values)) * float(stdtrit(len(values) - 1, 0.5 + LEVEL / 2))
    low, high = mean - half, mean + half
    if images:
        low, high = max(0.0, low), min(1.0, high)
    return Interval(low, high, "t over seeds")


def hierarchical_bootstrap(
    correct: NDArray[np.bool_], draws: int = 4000, seed: int = 0
) -> Interval:
    """Return the interval of the mean of `correct` [S >= 2, N], were seeds and images drawn anew.

    Images are resampled, all seeds of an image together; a mean over seeds takes S + 1 values, so
    a resample is one multinomial draw. Resampling the S seeds themselves would understate their
    spread by (S - 1) / S and cannot leave their range, so their part is drawn from Student's t.
    Images are scaled to what the seeds' spread does not hold already (see crossed.py).
    """
    n_seeds, n_images = correct.shape
    if correct.all() or not correct.any():  # a resample would hold no other image
        return wilson(float(correct.mean()) * n_images, n_images)
    rng = np.random.default_rng(seed)
    parts = estimate_variance_components(correct)
    hits = correct.sum(axis=0, dtype=np.int64)
    shares = np.bincount(hits, minlength=n_seeds + 1) / n_images
    resampled = rng.multinomial(n_images, shares, size=draws) @ np.arange(n_seeds + 1)
    of_images = resampled / (n_seeds * n_images) - parts.mean
    spread = of_images.std()
    if spread > 0:
        of_images *= math.sqrt(parts.image_variance_of_mean()) / spread
    of_seeds = rng.standard_t(n_seeds - 1, size=draws) * math.sqrt(parts.seed_variance_of_mean())
    low, high = np.quantile(parts.mean + of_images + of_seeds, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(max(0.0, float(low)), min(1.0, float(high)), "bootstrap over seeds and images")
