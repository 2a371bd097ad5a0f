"""Confusion matrices of the compared models, accuracies of single classes, and confused pairs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cnncompare.comparison.outcome import Outcome
from cnncompare.stats.confusion import confusion_matrix
from cnncompare.stats.intervals import Interval, wilson


def pooled_confusion_matrix(outcomes: Sequence[Outcome], classes: int) -> NDArray[np.int64]:
    """Return counts [classes, classes], true class by predicted class, summed over runs."""
    label = np.concatenate([outcome.label for outcome in outcomes])
    return confusion_matrix(label, np.concatenate([o.top1 for o in outcomes]), classes)


@dataclass(frozen=True)
class ClassAccuracy:
    """Accuracy on the `n` test images of one class, averaged over the runs."""

    index: int
    n: int
    accuracy: float
    interval: Interval


def class_accuracies(matrix: NDArray[np.int64], runs: int) -> list[ClassAccuracy]:
    """Return the accuracy of each class that has test images, with its Wilson interval.

    The interval counts each image once, whatever the number of runs, since all runs are tested
    on the same images.
    """
    accuracies = []
    for index, row in enumerate(matrix):
        n = int(row.sum()) // runs
        if n:
            accuracy = float(row[index] / row.sum())
            accuracies.append(ClassAccuracy(index, n, accuracy, wilson(accuracy * n, n)))
    return accuracies


@dataclass(frozen=True)
class ConfusedPair:
    """Two classes, and the mean number of images per run of one predicted as the other."""

    a: int
    b: int
    a_as_b: float
    b_as_a: float


def most_confused(matrix: NDArray[np.int64], runs: int, top: int = 5) -> list[ConfusedPair]:
    """Return the `top` pairs of classes with the most confusions in both directions together."""
    both = np.triu(matrix + matrix.T, k=1)
    order = np.argsort(both, axis=None, kind="stable")[::-1][:top]
    pairs = [divmod(int(flat), len(matrix)) for flat in order if both.flat[flat] > 0]
    return [
        ConfusedPair(a, b, float(matrix[a, b] / runs), float(matrix[b, a] / runs)) for a, b in pairs
    ]


def never_predicted(matrix: NDArray[np.int64]) -> list[int]:
    """Return the classes that have test images but were not predicted in any run."""
    return [int(i) for i in np.flatnonzero((matrix.sum(axis=0) == 0) & (matrix.sum(axis=1) > 0))]
