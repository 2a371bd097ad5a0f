"""Variances of the differences between networks, each trained with seeds of its own.

Networks are the last axis of the arguments and the last two axes of what the functions return. The
runs of different networks are independent, also those with equal seeds.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def pair_degrees_of_freedom(runs: Floats, squares: Floats) -> Floats:
    """Return the degrees of freedom of each pair (Welch-Satterthwaite), at least 1.

    They are n_a + n_b - 2 with equal spreads, and those of the noisier network alone if its spread
    is much larger. `squares` holds each network's sum of squared deviations from its mean.
    """
    free = np.maximum(runs - 1, 1.0)
    share = squares / free / np.maximum(runs, 1.0)
    total = share[..., :, None] + share[..., None, :]
    parts = share**2 / free
    parts_of_pair = parts[..., :, None] + parts[..., None, :]
    equal = runs[..., :, None] + runs[..., None, :] - 2
    welch = np.divide(total**2, parts_of_pair, out=equal + 0.0, where=parts_of_pair > 0)
    return np.asarray(np.maximum(np.minimum(welch, equal), 1.0))


def pair_seed_variances(runs: Floats, squares: Floats, floor: float) -> Floats:
    """Return the variance between seeds by which each pair is judged, the largest of four.

    These are the pair's own two-sample variance; the one that gives the variance of the difference
    without the assumption of equal spreads (Welch); the one pooled over all networks; and `floor`,
    that of rounding. With the pooled variance alone, one network with five times the spread of the
    others led to wrong claims in a quarter of the simulated studies.
    """
    a, b = runs[..., :, None], runs[..., None, :]
    free = np.maximum(runs - 1, 0.0)
    pooled = squares.sum(axis=-1) / np.maximum(free.sum(axis=-1), 1.0)
    own = (squares[..., :, None] + squares[..., None, :]) / np.maximum(a + b - 2, 1.0)
    single = squares / np.maximum(free, 1.0)
    # s2 (1/a + 1/b) = s2_a / a + s2_b / b
    welch = (b * single[..., :, None] + a * single[..., None, :]) / np.maximum(a + b, 1.0)
    largest = np.maximum(np.maximum(own, welch), pooled[..., None, None])
    return np.asarray(np.maximum(largest, floor))


def pair_image_variances(
    sums: NDArray[np.int64], runs: NDArray[np.int64], accuracies: list[list[float]]
) -> Floats:
    """Return the variance of each pair's difference that is due to the choice of test images.

    `sums` [networks, images] counts the runs that classify an image correctly. The covariances
    come from products between different runs, which contain no noise of a single run; a pair with
    fewer than two runs of a network has no valid value. A win and a loss are added, as Bonett and
    Price do for single runs, so that networks without errors do not look certain.
    """
    images = sums.shape[1]
    centred = sums - sums.mean(axis=1, keepdims=True)
    covariance = centred @ centred.T / images
    between = covariance / np.maximum(runs[:, None] * runs[None, :], 1)
    single = np.array([sum(p * (1 - p) for p in row) for row in accuracies])
    own = (np.diag(covariance) - single) / np.maximum(runs * (runs - 1), 1)
    variance = np.maximum(own[:, None] + own[None, :] - 2 * between, 0.0)
    return np.asarray((variance * images / (images - 1) + 2 / images) / images)
