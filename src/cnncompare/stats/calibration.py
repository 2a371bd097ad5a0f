"""How far a network's confidence is from its accuracy."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 15


@dataclass(frozen=True)
class ReliabilityBin:
    """The predictions whose confidence lies in (low, high]."""

    low: float
    high: float
    n: int
    confidence: float  # mean
    accuracy: float


def reliability_bins(
    correct: NDArray[np.bool_], confidence: NDArray[np.float32], bins: int = BINS
) -> list[ReliabilityBin]:
    """Return the bins that hold predictions; `correct` and `confidence` are [N].

    Source: Guo et al. 2017, section 2 (equal width bins).
    """
    index = np.clip(np.ceil(confidence.astype(np.float64) * bins).astype(int) - 1, 0, bins - 1)
    n = np.bincount(index, minlength=bins)
    hits = np.bincount(index, weights=correct, minlength=bins)
    sums = np.bincount(index, weights=confidence, minlength=bins)
    return [
        ReliabilityBin(
            b / bins, (b + 1) / bins, int(n[b]), float(sums[b] / n[b]), float(hits[b] / n[b])
        )
        for b in range(bins)
        if n[b]
    ]


def expected_calibration_error(
    correct: NDArray[np.bool_], confidence: NDArray[np.float32], bins: int = BINS
) -> float:
    """Return the ECE in [0, 1]: |accuracy - confidence| of the bins, weighted by their size."""
    parts = reliability_bins(correct, confidence, bins)
    return sum(b.n * abs(b.accuracy - b.confidence) for b in parts) / len(correct)
