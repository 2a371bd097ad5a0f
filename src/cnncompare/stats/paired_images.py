"""Comparison of two single networks by the effects of test images on a metric.

An effect is what an image adds to the difference of the two networks. It is larger for images of
small classes, so that McNemar's test, which counts every image alike, does not apply.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnncompare.stats.power import PowerFunction
from cnncompare.stats.two_samples import Difference

Floats = NDArray[np.float64]
DRAWS = 9999
_CHUNK = 2**22  # signs drawn at once


def mcnemar_p(wins: int, losses: int) -> float:
    """Return the exact two-sided p of McNemar's test."""
    from scipy.stats import binomtest

    return float(binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0


def sign_flip_p(effects: Floats, seed: int = 0) -> float:
    """Return the two-sided p of the hypothesis that the networks are exchangeable, image by image.

    Exchanging their predictions of an image changes the sign of its effect. All of `DRAWS` random
    exchanges are compared with the observed sum. For effects of equal size this is McNemar's test.
    """
    differing = effects[effects != 0]
    observed = abs(float(effects.sum()))
    if not len(differing):
        return 1.0
    rng, as_large, done = np.random.default_rng(seed), 0, 0
    while done < DRAWS:
        rows = min(DRAWS - done, max(1, _CHUNK // len(differing)))
        signs = rng.integers(0, 2, (rows, len(differing)), dtype=np.int8)
        sums = np.abs(2 * (signs @ differing) - differing.sum())
        as_large += int((sums >= observed * (1 - 1e-9)).sum())
        done += rows
    return (1 + as_large) / (1 + DRAWS)


def difference_over_images(differences: NDArray[Any], weight: float) -> Difference:
    """Return the mean of differences of scores, [N], with its variance over images.

    As in Bonett and Price 2012, one image more in favour of each network is added; `weight` is
    its effect, that of an image of the smallest class.
    """
    extended = np.concatenate([differences, [weight, -weight]])
    variance = float(extended.var()) / len(extended)
    return Difference(
        centre=float(extended.mean()),
        v_seeds=0.0,
        v_images=variance,
        df=1.0,
        runs=(1, 1),
        images=len(differences),
        per_run=0.0,
        rest=0.0,
    )


def power_over_images(variance: float, images: int) -> PowerFunction:
    """Return the power of a test of the mean of effects of this variance, for large numbers."""

    def power(difference: float, alpha: float, seeds: int | None, n: int | None) -> float:
        from scipy.special import ndtr, ndtri

        sd = math.sqrt(max(variance, 1e-12) / (n or images))
        shift, bound = abs(difference) / sd, float(ndtri(1 - alpha / 2))
        return float(ndtr(shift - bound) + ndtr(-shift - bound))

    return power
