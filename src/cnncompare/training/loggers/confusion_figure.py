"""The confusion matrix as a figure: rows are true classes, columns predicted ones."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cnncompare.stats.confusion import confusion_matrix

DPI = 100
MOST_WITH_COUNTS = 120  # beyond, a cell has no room for a number
LARGE = 30  # classes from which numbers and names are small


def confusion_figure(
    labels: NDArray[np.integer[Any]], predicted: NDArray[np.integer[Any]], classes: Sequence[str]
) -> Figure:
    """Draw counts [classes, classes]; a cell's colour is its share of the true class's images."""
    n = len(classes)
    counts = confusion_matrix(labels, predicted, n)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = np.clip(0.6 * n, 6, 8) if n < LARGE else np.clip(0.17 * n, 8, 20)  # inches
    figure = Figure(figsize=(side + 2, side + 1.5), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
    figure.colorbar(image, ax=axes, fraction=0.04, label="share of the true class")
    accuracy = np.trace(counts) / max(1, counts.sum())
    axes.set_title(f"{counts.sum():,} test images, top-1 {100 * accuracy:.1f} %")
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    if n <= MOST_WITH_COUNTS:
        _name(axes, classes)
        _write_counts(axes, counts, shares)
    return figure


def _name(axes: Axes, classes: Sequence[str]) -> None:
    size = 10 if len(classes) < LARGE else 6
    names = [shortened(name) for name in classes]
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=size)
    axes.set_yticks(range(len(names)), names, fontsize=size)


def _write_counts(axes: Axes, counts: NDArray[Any], shares: NDArray[Any]) -> None:
    """Write every count but 0, which among a hundred classes would hide the others."""
    size = 10 if len(counts) < LARGE else 5
    for row, column in zip(*np.nonzero(counts), strict=True):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(
            column, row, counts[row, column], ha="center", va="center", color=colour, fontsize=size
        )


def shortened(name: str, longest: int = 20) -> str:
    """Return the name, cut in the end when it is longer than `longest` characters."""
    return name if len(name) <= longest else name[: longest - 1] + "…"
