"""Scores of single test images, whose mean is a metric of the run."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from cnncompare.comparison.outcome import Outcome
from cnncompare.stats.class_scores import (
    ClassScores,
    Floats,
    Integers,
    balanced_influence,
    f1_influence,
    score_classes,
)

ImageScores = NDArray[np.bool_] | Floats
_Influence = Callable[[Integers, Integers, ClassScores], Floats]


def class_scores(outcome: Outcome) -> ClassScores:
    """Return the scores of the classes that occur among labels and predictions."""
    return score_classes(outcome.label, outcome.top1)


def balanced_scores(outcome: Outcome) -> Floats:
    """Return each image's share of the balanced accuracy, [N]."""
    scores = class_scores(outcome)
    influence = balanced_influence(outcome.label, outcome.top1, scores)
    return scores.balanced_accuracy + influence


def f1_scores(outcome: Outcome) -> Floats:
    """Return each image's share of the macro-F1, linearised, [N]."""
    scores = class_scores(outcome)
    return scores.macro_f1 + f1_influence(outcome.label, outcome.top1, scores)


def balanced_effects(a: Outcome, b: Outcome) -> Floats:
    """Return how much each image favours `a` in the balanced accuracy, [N]."""
    return _effects(a, b, balanced_influence)


def f1_effects(a: Outcome, b: Outcome) -> Floats:
    """Return how much each image favours `a` in the macro-F1, to first order, [N]."""
    return _effects(a, b, f1_influence)


def _effects(a: Outcome, b: Outcome, influence: _Influence) -> Floats:
    """Return effects that change their sign if the two networks exchange an image's predictions.

    They are linearised at the mean counts of both, which such an exchange does not change.
    """
    classes = int(max(a.label.max(), a.top1.max(), b.top1.max())) + 1
    x, y = (score_classes(o.label, o.top1, classes) for o in (a, b))
    pooled = x.pooled_with(y)
    return influence(a.label, a.top1, pooled) - influence(b.label, b.top1, pooled)
