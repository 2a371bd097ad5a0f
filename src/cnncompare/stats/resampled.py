"""Means over folds or repeated hold-outs, whose training sets overlap.

The values of J folds are correlated because their networks were trained on mostly the same images.
Their sample variance s^2 therefore underestimates the variance of their mean when divided by J.
Nadeau and Bengio 2003 (Inference for the Generalization Error, section 3.2) estimate it by

    (1/J + n_test/n_train) s^2

and compare the mean with Student's t of J - 1 degrees of freedom (the corrected resampled t test).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ResampledMean:
    """Mean of values of `n` >= 2 folds; `variance` is that between the folds.

    `ratio` is the number of test images of a fold divided by that of its training images.
    """

    mean: float
    variance: float
    n: int
    ratio: float

    @property
    def variance_of_mean(self) -> float:
        """The variance of the mean, corrected for the overlap of the training sets."""
        return (1 / self.n + self.ratio) * self.variance

    def p_value(self) -> float:
        """Return the two-sided p of the hypothesis that the expected value is 0."""
        from scipy.special import stdtr

        if self.variance == 0:
            return 1.0 if self.mean == 0 else 0.0
        t = abs(self.mean) / math.sqrt(self.variance_of_mean)
        return float(2 * stdtr(self.n - 1, -t))

    def half_width(self, level: float = 0.95) -> float:
        """Return half the width of the confidence interval of the mean."""
        from scipy.special import stdtrit

        quantile = float(stdtrit(self.n - 1, 0.5 + level / 2))
        return quantile * math.sqrt(self.variance_of_mean)


def resampled_mean(
    values: Sequence[float], weights: Sequence[int], ratio: float, least_variance: float = 0.0
) -> ResampledMean:
    """Return the mean of the values of two or more folds.

    It is weighted by the folds' numbers of test images, so that the mean of accuracies is the
    accuracy over all images. The variance is the unweighted one, at least `least_variance`.
    """
    variance = max(float(np.var(values, ddof=1)), least_variance)
    return ResampledMean(float(np.average(values, weights=weights)), variance, len(values), ratio)
