"""The most confident mistakes of a run as a PNG file."""

import math
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from cnncompare.language.catalogue import tr
from cnncompare.plotting.image_sheet import Tile, data_url, image_sheet, sheet_size
from cnncompare.plotting.render import to_png, to_svg
from cnncompare.runs.run import Predictions

TRUE_COLOUR, PREDICTED_COLOUR = "#1a7f37", "#b3261e"


def worst_mistakes(predictions: Predictions, n: int) -> list[int]:
    """Return the positions of at most `n` misclassified images, the most confident first.

    Images that could not be read, which have the prediction -1, are left out.
    """
    top1 = predictions.top5[:, 0]
    wrong = np.flatnonzero((top1 != predictions.label) & (top1 >= 0))
    order = np.argsort(-predictions.confidence[wrong], kind="stable")
    return [int(position) for position in wrong[order][:n]]


def mistakes_png(
    predictions: Predictions, positions: Sequence[int], images: Tensor, classes: Sequence[str]
) -> bytes:
    """Draw the images at these positions, uint8 [n, C, H, W], with true and predicted class."""
    pairs = zip(positions, images, strict=True)
    tiles = [_tile(predictions, position, image, classes) for position, image in pairs]
    columns = max(3, math.ceil(math.sqrt(len(tiles))))
    width, height = sheet_size(len(tiles), columns)
    svg = to_svg(
        image_sheet(tiles, columns, (TRUE_COLOUR, PREDICTED_COLOUR)),
        width=width,
        height=height,
        title=tr("Most confident mistakes"),
        subtitle=tr("true class in bold; below, confidence and predicted class"),
    )
    return to_png(svg)


def _tile(predictions: Predictions, position: int, image: Tensor, classes: Sequence[str]) -> Tile:
    predicted = classes[predictions.top5[position, 0]]
    confidence = f"{100 * predictions.confidence[position]:.0f} %"
    return Tile(
        url=data_url(image.permute(1, 2, 0).numpy()),
        title=classes[predictions.label[position]],
        subtitle=f"{confidence}: {predicted}",
    )
