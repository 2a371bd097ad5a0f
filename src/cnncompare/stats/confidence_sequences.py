"""Confidence sequences for differences of means: intervals that stay valid while one looks.

A confidence sequence contains the true difference at all times together with probability 1 - level,
so that an experiment may stop whenever its interval is narrow enough. These are mixtures of the
likelihood ratio of the t statistic over a normal prior, of scale `TAU`, on the difference in units
of the standard deviation between seeds (Robbins 1970; for t: Lai 1976). The choice of the test
images adds a variance of its own, common to all seeds.

With n = n_a n_b / (n_a + n_b), the variance s2 between seeds, r = image_variance / s2,
a0 = 1 + n r, a1 = a0 + n TAU^2 and t2 = n difference^2 / s2, the e-value of a zero difference is

    sqrt(a0 / a1) ((1 + t2 / (df a0)) / (1 + t2 / (df a1)))^((df + 1) / 2)

and the interval holds all differences whose e-value is below 1 / level. All functions broadcast.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
TAU = 3.0  # with 2 and 5, simulated races needed as many runs


def effective_runs(runs_a: ArrayLike, runs_b: ArrayLike) -> Floats:
    """Return n such that a difference of two means has the variance s2 / n; 0 without runs."""
    a, b = np.asarray(runs_a, dtype=float), np.asarray(runs_b, dtype=float)
    return np.asarray(a * b / np.maximum(a + b, 1.0))


def log_e_value(
    difference: ArrayLike, variance: ArrayLike, image_variance: ArrayLike, n: ArrayLike, df: Floats
) -> Floats:
    """Return the logarithm of the e-value against a true difference of zero.

    `variance` is that between seeds and `image_variance` that of the images in the difference,
    both in squared units of it; `n` is that of `effective_runs`. Large values speak against zero.
    """
    small, large = _scales(variance, image_variance, n)
    t2 = np.asarray(n) * np.asarray(difference) ** 2 / np.asarray(variance)
    ratio = np.log1p(t2 / (df * small)) - np.log1p(t2 / (df * large))
    return np.asarray((np.log(small) - np.log(large)) / 2 + (df + 1) / 2 * ratio)


def sequence_radius(
    variance: ArrayLike, image_variance: ArrayLike, n: ArrayLike, df: Floats, level: float
) -> Floats:
    """Return half the width of the interval; infinite while the runs are too few for a bound.

    The arguments are those of `log_e_value`; `level` is the risk that the sequence of intervals
    ever misses the true difference.
    """
    small, large = _scales(variance, image_variance, n)
    log_q = 2 / (df + 1) * (np.log(large / small) / 2 - np.log(level))
    # divided by q, which overflows with few degrees of freedom
    denominator = np.exp(-log_q) / (df * small) - 1 / (df * large)
    bounded = denominator > 0
    numerator = -np.expm1(-log_q) * np.asarray(variance) / np.asarray(n)
    square = np.divide(numerator, denominator, out=np.full(bounded.shape, np.inf), where=bounded)
    return np.asarray(np.sqrt(square))


def radius_with_endless_seeds(
    variance: ArrayLike, image_variance: ArrayLike, level: float
) -> Floats:
    """Return the limit of `sequence_radius` for ever more seeds, which only more images reduce."""
    seeds, images = np.asarray(variance, dtype=float), np.asarray(image_variance, dtype=float)
    share = images / seeds / TAU**2
    inverse = np.divide(1.0, share, out=np.zeros(share.shape), where=share > 0)
    return np.asarray(np.sqrt(images * (1 + share) * (np.log1p(inverse) - 2 * np.log(level))))


def _scales(variance: ArrayLike, image_variance: ArrayLike, n: ArrayLike) -> tuple[Floats, Floats]:
    """Return a0 and a1, the variances of t without and with the prior."""
    runs = np.asarray(n, dtype=float)
    small = 1 + runs * np.asarray(image_variance) / np.asarray(variance)
    return np.asarray(small), np.asarray(small + runs * TAU**2)
