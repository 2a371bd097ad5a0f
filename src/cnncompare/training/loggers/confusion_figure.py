"""The confusion matrix of a run as a PNG file."""

from collections.abc import Sequence

import numpy as np

from cnncompare.language.catalogue import tr
from cnncompare.plotting.confusion import classes_drawn, confusion_chart, selection_note
from cnncompare.plotting.render import to_png, to_svg
from cnncompare.runs.run import Predictions
from cnncompare.stats.confusion import confusion_matrix
from cnncompare.terminal.formatting import integer, percent


def confusion_png(predictions: Predictions, classes: Sequence[str]) -> bytes:
    """Draw the confusion matrix of the test images that could be read."""
    counts = confusion_matrix(predictions.label, predictions.top5[:, 0], len(classes))
    side = int(np.clip(36 * len(classes_drawn(counts)), 240, 560))  # pt
    n = counts.sum()
    accuracy = percent(float(np.trace(counts) / n) if n else None)
    subtitle = tr("Percent of the images of the true class.")
    svg = to_svg(
        confusion_chart(counts, classes),
        width=side,
        height=side,
        title=tr("{n} test images, top-1 {accuracy}", n=integer(n), accuracy=accuracy),
        subtitle=f"{subtitle} {selection_note(counts)}".rstrip(),
    )
    return to_png(svg)
