"""Differences of two networks on the same test images."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cnncompare.comparison.load import Result
from cnncompare.comparison.metrics import Metric
from cnncompare.stats.class_scores import Floats, heaviest_image

Runs = Sequence[tuple[Result, Result]]
ImageDifferences = NDArray[np.int8] | Floats


def image_differences(runs: Runs, metric: Metric) -> ImageDifferences | None:
    """Return the score of a minus that of b, [seeds, images]; None if it is unknown.

    If the metric is a share of the images, it is 1 if only a is correct and -1 if only b is.
    """
    if metric.per_image is None:
        return None
    rows = []
    for a, b in runs:
        if a.outcome is None or b.outcome is None or len(a.outcome.label) != len(b.outcome.label):
            return None
        score_a, score_b = metric.per_image(a.outcome), metric.per_image(b.outcome)
        kind = np.int8 if score_a.dtype == np.bool_ else np.float64
        rows.append(score_a.astype(kind) - score_b.astype(kind))
    return np.array(rows)


def count_wins(runs: Runs, metric: Metric, differences: ImageDifferences) -> tuple[int, int]:
    """Return how often only a, and only b, classifies an image correctly, over all seeds."""
    if metric.effects is None:
        return int((differences > 0).sum()), int((differences < 0).sum())
    right = [(a.outcome.correct1, b.outcome.correct1) for a, b in runs if a.outcome and b.outcome]
    return sum(int((x & ~y).sum()) for x, y in right), sum(int((y & ~x).sum()) for x, y in right)


@dataclass(frozen=True, eq=False)
class ImageEffects:
    """What each image adds to the difference, [N]; `heaviest` is that of the smallest class."""

    values: Floats
    heaviest: float


def image_effects(a: Result, b: Result, metric: Metric) -> ImageEffects | None:
    """Return the effects on a metric to which images contribute unequally; otherwise None."""
    if metric.effects is None or a.outcome is None or b.outcome is None:
        return None
    return ImageEffects(metric.effects(a.outcome, b.outcome), heaviest_image(a.outcome.label))
