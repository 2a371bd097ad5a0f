"""Confusion matrix of predicted classes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.integer[Any]]


def confusion_matrix(label: Integers, predicted: Integers, classes: int) -> NDArray[np.int64]:
    """Return counts [classes, classes], true class by predicted class, of [N] images.

    `predicted` is -1 for an image that could not be decoded; such images are not counted.
    scikit-learn's confusion_matrix gives the same counts but takes 0.4 s and 60 MiB to import.
    """
    decoded = predicted >= 0
    cell = label[decoded].astype(np.int64) * classes + predicted[decoded]
    return np.bincount(cell, minlength=classes**2).reshape(classes, classes)
