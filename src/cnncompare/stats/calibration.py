"""Calibration: the agreement between a network's confidence and its accuracy."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 15


@dataclass(frozen=True)
class ReliabilityBin:
    """The `n` predictions with a confidence in (low, high]; mean confidence and accuracy."""

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float


def reliability_bins(
    correct: NDArray[np.bool_], confidence: NDArray[np.float32], bins: int = BINS
) -> list[ReliabilityBin]:
    """Return the non-empty bins of equal width; `correct` and `confidence` are [N].

    Source: Guo et al. 2017, section 2.
    """
    index = np.clip(np.ceil(confidence.astype(np.float64) * bins).astype(int) - 1, 0, bins - 1)
    n = np.bincount(index, minlength=bins)
    accuracy = np.bincount(index, weights=correct, minlength=bins) / np.maximum(n, 1)
    mean = np.bincount(index, weights=confidence, minlength=bins) / np.maximum(n, 1)
    return [
        ReliabilityBin(b / bins, (b + 1) / bins, int(n[b]), float(mean[b]), float(accuracy[b]))
        for b in range(bins)
        if n[b]
    ]


def expected_calibration_error(
    correct: NDArray[np.bool_], confidence: NDArray[np.float32], bins: int = BINS
) -> float:
    """Return the ECE in [0, 1]: the mean of |accuracy - confidence| over bins, weighted by size."""
    filled = reliability_bins(correct, confidence, bins)
    return sum(b.n * abs(b.accuracy - b.confidence) for b in filled) / len(correct)
