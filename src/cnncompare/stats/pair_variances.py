"""Variances of the differences between networks, each trained with seeds of its own.

Networks are the last axis of the arguments and the last two axes of what the functions return. The
runs of different networks are independent, also those with equal seeds.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cnncompare.stats.two_samples import OUTLIER

Floats = NDArray[np.float64]
# of the pooled variance, for a pair whose networks have at least 2, 3, 4 or more runs
MOST_DF = (4.5, 5.0, 10.0, 1e6)


@dataclass(frozen=True, eq=False)
class SeedNoise:
    """Variances between seeds and their degrees of freedom, by network and by pair of networks.

    The difference of two means has the variance `pairs` times (1 / runs_a + 1 / runs_b), with
    `df` degrees of freedom. `networks` are the variances of single runs.
    """

    networks: Floats
    pairs: Floats
    df: Floats


def seed_noise(runs: Floats, squares: Floats, floor: float) -> SeedNoise:
    """Return the noise by which pairs are judged; `squares` are sums of squared deviations.

    The variance is the larger of the pair's own, without the assumption of equal spreads (Welch),
    and the one pooled over the networks that spread alike; it is at least `floor`, that of
    rounding. The degrees of freedom are Welch's, or where the pooled variance counts, the pool's up
    to MOST_DF: with few runs a wide spread may look narrow. With the pooled variance alone, one
    network with five times the spread led to wrong claims in a quarter of the simulated studies.
    """
    a, b = runs[..., :, None], runs[..., None, :]
    free = np.maximum(runs - 1, 0.0)
    single = squares / np.maximum(free, 1.0)
    share = single / np.maximum(runs, 1.0)
    own = (share[..., :, None] + share[..., None, :]) * a * b / np.maximum(a + b, 1.0)
    pooled, pool_df = _pool(free, squares)
    welch, few = _welch_df(runs, share), np.minimum(a, b)
    of_others = pool_df[..., :, None] + pool_df[..., None, :]
    of_pool = pool_df.sum(axis=-1)[..., None, None] - np.where(few <= 2, of_others, 0.0)
    most = np.array(MOST_DF)[np.clip(few.astype(np.int64) - 2, 0, len(MOST_DF) - 1)]
    df = np.where(own > pooled[..., None, None], welch, np.minimum(of_pool, most))
    return SeedNoise(
        networks=np.maximum(np.maximum(single, pooled[..., None]), floor),
        pairs=np.maximum(np.maximum(own, pooled[..., None, None]), floor),
        df=np.maximum(df, welch),
    )


def _welch_df(runs: Floats, share: Floats) -> Floats:
    """Return Welch's degrees of freedom, at least 1; `share` is a network's part of the variance.

    They are n_a + n_b - 2 with equal spreads, and those of the noisier network alone if its spread
    is much larger.
    """
    parts = share**2 / np.maximum(runs - 1, 1.0)
    of_pair = parts[..., :, None] + parts[..., None, :]
    equal = runs[..., :, None] + runs[..., None, :] - 2
    square = (share[..., :, None] + share[..., None, :]) ** 2
    welch = np.divide(square, of_pair, out=equal + 0.0, where=of_pair > 0)
    return np.asarray(np.maximum(np.minimum(welch, equal), 1.0))


def _pool(free: Floats, squares: Floats) -> tuple[Floats, Floats]:
    """Return the pooled variance, 0 for fewer than three networks, and their degrees of freedom.

    As in a report, the widest one is left out while it spreads significantly more than the others.
    Networks outside the pool have 0 degrees of freedom.
    """
    from scipy.special import fdtrc

    kept, networks = free + 0.0, free.shape[-1]
    for _ in range(networks - 2):
        count = (kept > 0).sum(axis=-1, keepdims=True)
        spread = np.where(kept > 0, squares / np.maximum(free, 1.0), -1.0)
        widest = np.arange(networks) == spread.argmax(axis=-1)[..., None]
        rest = np.where(widest, 0.0, kept)
        rest_df = np.maximum(rest.sum(axis=-1, keepdims=True), 1.0)
        of_rest = (squares * (rest > 0)).sum(axis=-1, keepdims=True) / rest_df
        largest, df = spread.max(axis=-1, keepdims=True), (kept * widest).sum(-1, keepdims=True)
        ratio = np.maximum(largest, 0.0) / np.maximum(of_rest, 1e-30)
        outlier = fdtrc(np.maximum(df, 1.0), rest_df, ratio) * np.maximum(count, 1) < OUTLIER
        if not (outlier := outlier & (count > 2)).any():
            break
        kept = np.where(outlier, rest, kept)
    pooled = (squares * (kept > 0)).sum(axis=-1) / np.maximum(kept.sum(axis=-1), 1.0)
    return np.where((kept > 0).sum(axis=-1) >= 3, pooled, 0.0), kept


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
