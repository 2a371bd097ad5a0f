"""Expected best of a number of trials (Dodge et al. 2019, "Show Your Work")."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ExpectedBest:
    """Mean and standard deviation of the best of `n` trials, in the unit of the values."""

    n: int
    mean: float
    sd: float


def expected_best(values: Sequence[float]) -> list[ExpectedBest]:
    """Return the expected best of 1 to N trials for the values of N trials.

    The best of n trials is at most v with the probability F(v)^n, where F is the empirical
    distribution of the values (section 3.1): n trials are drawn from them with replacement.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    below = np.arange(len(ordered) + 1) / len(ordered)  # F before and after each value
    return [_of(ordered, np.diff(below**n), n) for n in range(1, len(ordered) + 1)]


def _of(values: NDArray[np.float64], weights: NDArray[np.float64], n: int) -> ExpectedBest:
    mean = float(weights @ values)
    return ExpectedBest(n, mean, float(np.sqrt(weights @ (values - mean) ** 2)))
