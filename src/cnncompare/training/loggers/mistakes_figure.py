"""The test images that the network got most wrong: highest confidence in a wrong class."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from cnncompare.runs.run import Predictions
from cnncompare.training.loggers.confusion_figure import DPI, shortened

CELL_IN = 1.6  # inches


def worst(predictions: Predictions, n: int) -> list[int]:
    """Return the places of at most `n` wrong images, the most confident first."""
    top1 = predictions.top5[:, 0]
    wrong = np.flatnonzero((top1 != predictions.label) & (top1 >= 0))  # -1: it could not be read
    order = np.argsort(-predictions.confidence[wrong], kind="stable")
    return [int(place) for place in wrong[order][:n]]


def mistakes_figure(
    predictions: Predictions, places: Sequence[int], images: Tensor, classes: Sequence[str]
) -> Figure:
    """Draw images uint8 [n, C, H, W] of these places, each with its true and predicted class."""
    columns = math.ceil(math.sqrt(len(places)))
    rows = math.ceil(len(places) / columns)
    size = (max(4.0, CELL_IN * columns), 1.35 * CELL_IN * rows + 0.6)
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    figure.suptitle("true class above, predicted class below", fontsize=10)
    for axes in figure.subplots(rows, columns, squeeze=False).flat:
        axes.axis("off")
    for axes, place, image in zip(figure.axes, places, images, strict=False):
        pixels = image.permute(1, 2, 0).numpy()
        axes.imshow(
            pixels if pixels.shape[2] == 3 else pixels[..., 0], cmap="gray", vmin=0, vmax=255
        )
        true, predicted = predictions.label[place], predictions.top5[place, 0]
        axes.set_title(shortened(classes[true], 18), fontsize=8, color="#1a7f37", pad=2)
        said = f"{shortened(classes[predicted], 14)} {100 * predictions.confidence[place]:.0f} %"
        axes.text(
            0.5, -0.04, said, transform=axes.transAxes, ha="center", va="top", fontsize=8,
            color="#b3261e",
        )  # fmt: skip
    return figure
