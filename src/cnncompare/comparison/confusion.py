"""Which classes a model takes for which."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cnncompare.comparison.load import Outcome
from cnncompare.stats.confusion_counts import confusion_counts
from cnncompare.stats.intervals import Interval, wilson


def confusion_matrix(outcomes: list[Outcome], classes: int) -> NDArray[np.int64]:
    """Return counts [classes, classes], true class by predicted class, summed over runs."""
    total = np.zeros((classes, classes), np.int64)
    for outcome in outcomes:
        total += confusion_counts(outcome.label, outcome.top1, classes)
    return total


@dataclass(frozen=True)
class ClassAccuracy:
    """One class: the share of its `n` test images that were right, the mean over runs."""

    index: int
    n: int
    accuracy: float
    interval: Interval


def per_class(matrix: NDArray[np.int64], runs: int) -> list[ClassAccuracy]:
    """Return each class's accuracy with Wilson's interval; a class without images is left out.

    The interval counts an image once, however many runs saw it: runs share their images.
    """
    found = []
    for index, row in enumerate(matrix):
        n = int(row.sum()) // runs
        if n:
            accuracy = float(row[index] / row.sum())
            found.append(ClassAccuracy(index, n, accuracy, wilson(accuracy * n, n)))
    return found


@dataclass(frozen=True)
class ConfusedPair:
    """Two classes and how often, per run, an image of one was taken for the other."""

    a: int
    b: int
    a_as_b: float
    b_as_a: float


def most_confused(matrix: NDArray[np.int64], runs: int, top: int = 5) -> list[ConfusedPair]:
    """Return the `top` pairs of classes that are confused most, either way."""
    both = np.triu(matrix + matrix.T, k=1)
    order = np.argsort(both, axis=None, kind="stable")[::-1][:top]
    pairs = [divmod(int(flat), len(matrix)) for flat in order if both.flat[flat] > 0]
    return [
        ConfusedPair(a, b, float(matrix[a, b] / runs), float(matrix[b, a] / runs)) for a, b in pairs
    ]


def never_predicted(matrix: NDArray[np.int64]) -> list[int]:
    """Return the classes that have test images and were never predicted, in any run."""
    return [int(i) for i in np.flatnonzero((matrix.sum(axis=0) == 0) & (matrix.sum(axis=1) > 0))]
