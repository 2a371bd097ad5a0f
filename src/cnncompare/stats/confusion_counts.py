"""Counts of true classes by predicted classes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def confusion_counts(
    labels: NDArray[np.integer[Any]], predicted: NDArray[np.integer[Any]], classes: int
) -> NDArray[np.int64]:
    """Return counts [classes, classes], true class by predicted class.

    An image with a negative prediction could not be read and is not counted.
    """
    # scikit-learn counts the same, but takes 0.4 s and 60 MiB to import
    was_read = predicted >= 0
    index = labels[was_read].astype(np.int64) * classes + predicted[was_read]
    return np.bincount(index, minlength=classes * classes).reshape(classes, classes)
