"""Variance components of a mean over seeds crossed with test images, and tests based on them.

Every seed is tested on the same images: y[s, i] = mean + seed[s] + image[i] + rest[s, i]. The mean
over S seeds and N images has the variance var_seed/S + var_image/N + var_rest/(S N). Two terms of
it are estimated: v_seeds, the variance between the means of the seeds, with S - 1 degrees of
freedom, and v_images, the remaining variance of the images, which is known precisely because N is
large. The error of the mean is then distributed as

    sqrt(v_seeds) T[S - 1] + sqrt(v_images) Z

(the Behrens-Fisher form), which is Student's t if the images add no variance. Satterthwaite's
approximation is not used: with 3 seeds, at the level of 0.2 % that Holm's correction can require,
it rejected 4 to 9 % of true null hypotheses. The form above keeps every level (in simulations of
2 to 10 seeds with 360 and 2,000 images).
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnncompare.stats.critical_values import critical_values, tail_probabilities

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class VarianceComponents:
    """Mean and variance components of values of `seeds` seeds on `images` images."""

    mean: float
    seeds: int
    images: int
    var_seed: float
    var_image: float
    var_rest: float

    def seed_variance_of_mean(self, seeds: int | None = None, images: int | None = None) -> float:
        """Return the variance of the mean that can be seen between the means of the seeds.

        It is at least that of rounding each seed's mean to one image.
        """
        n_seeds, n_images = seeds or self.seeds, images or self.images
        variance = (self.var_seed + self.var_rest / n_images) / n_seeds
        return max(variance, 1 / (6 * n_images**2 * n_seeds))

    def image_variance_of_mean(self, images: int | None = None) -> float:
        """Return the variance of the mean due to the choice of test images, common to all seeds."""
        return self.var_image / (images or self.images)


def estimate_variance_components(
    values: NDArray[np.int8] | NDArray[np.bool_] | NDArray[np.floating[Any]],
) -> VarianceComponents:
    """Return the two-way analysis of variance of `values` [S >= 2, N >= 2].

    `var_image` and `var_rest` are at least 0. `var_seed` may be negative, because
    `seed_variance_of_mean` adds `var_rest` to it again. Source: Brennan 2001, Generalizability
    Theory, section 3.2 (crossed random effects).
    """
    n_seeds, n_images = values.shape
    image_means = values.mean(axis=0, dtype=np.float64)
    seed_means = values.mean(axis=1, dtype=np.float64)
    mean = float(seed_means.mean())
    ms_image = n_seeds * float(((image_means - mean) ** 2).sum()) / (n_images - 1)
    ms_seed = n_images * float(((seed_means - mean) ** 2).sum()) / (n_seeds - 1)
    total = _sum_of_squares(values) - n_seeds * n_images * mean**2
    rest = total - ms_image * (n_images - 1) - ms_seed * (n_seeds - 1)
    ms_rest = max(0.0, rest / ((n_seeds - 1) * (n_images - 1)))
    return VarianceComponents(
        mean=mean,
        seeds=n_seeds,
        images=n_images,
        var_seed=(ms_seed - ms_rest) / n_images,
        var_image=max(0.0, (ms_image - ms_rest) / n_seeds),
        var_rest=ms_rest,
    )


def _sum_of_squares(values: NDArray[Any]) -> float:
    if values.dtype == np.bool_ or values.dtype == np.int8:  # -1, 0 or 1
        return float(np.count_nonzero(values))
    return float(np.einsum("ij,ij->", values, values))


def two_sided_p(difference: float, v_seeds: float, v_images: float, df: float) -> float:
    """Return P(|sqrt(v_seeds) T[df] + sqrt(v_images) Z| >= |difference|)."""
    scale = np.sqrt(v_seeds + v_images)
    if scale == 0:
        return 1.0 if difference == 0 else 0.0
    return float(
        tail_probabilities(np.array(abs(difference) / scale), np.array(v_seeds / scale**2), df)
    )


# Squares of an equal grid: the critical value changes fastest where the images dominate.
_ROOTS = np.linspace(0.0, 1.0, 33)
_SHARES = _ROOTS**2


@lru_cache(maxsize=512)
def _grid(df: float, alpha: float) -> Floats:
    """Return the critical values at `_SHARES`, NaN for those that no call needed yet."""
    return np.full_like(_SHARES, np.nan)


def _interpolated_critical_values(shares: Floats, df: float, alpha: float) -> Floats:
    """Return the critical values, in standard errors, interpolated between those at `_SHARES`."""
    roots, grid = np.sqrt(shares), _grid(df, alpha)
    below = np.searchsorted(_ROOTS, roots, side="right") - 1
    needed = np.zeros(len(grid), dtype=bool)
    needed[below] = needed[np.minimum(below + 1, len(grid) - 1)] = True
    needed &= np.isnan(grid)
    if needed.any():
        grid[needed] = critical_values(_SHARES[needed], df, alpha, steps=22)
    return np.asarray(np.interp(roots, _ROOTS, grid))


@lru_cache(maxsize=4096)
def _critical_value(share: float, df: float, alpha: float) -> float:
    return float(critical_values(np.array([share]), df, alpha, steps=40)[0])


def least_significant_difference(
    v_seeds: float | Floats, v_images: float | Floats, df: float, alpha: float = 0.05
) -> Floats:
    """Return the |difference| at which `two_sided_p` is `alpha`; broadcasts over the variances.

    A single value is solved for; for several, the critical value is interpolated.
    """
    total = np.asarray(v_seeds, dtype=float) + np.asarray(v_images, dtype=float)
    share = np.divide(v_seeds, total, out=np.ones_like(total), where=total > 0)
    if share.ndim == 0:
        critical = np.asarray(_critical_value(float(share), float(df), float(alpha)))
    else:
        critical = _interpolated_critical_values(share, float(df), float(alpha))
    return np.asarray(critical * np.sqrt(total))
