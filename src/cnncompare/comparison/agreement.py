"""Whether models err alike: common errors, kappa, votes, images that only one gets right."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cnncompare.comparison.grouping import Group
from cnncompare.comparison.load import Outcome


@dataclass(frozen=True)
class Agreement:
    """Two models on the same images; `common_errors` is the share of either's errors both make."""

    a: str
    b: str
    common_errors: float | None
    kappa: float | None


def representatives(groups: Sequence[Group]) -> dict[str, Outcome]:
    """Return one run's outcome per group: of a seed that all have, else each group's first."""
    sound = [{r.seed: r.outcome for r in g.results if r.outcome is not None} for g in groups]
    common = set.intersection(*(set(s) for s in sound if s)) if any(sound) else set()
    chosen: dict[str, Outcome] = {}
    for group, outcomes in zip(groups, sound, strict=True):
        if outcomes:
            chosen[group.label] = outcomes[min(common or outcomes)]
    return chosen


def agreements(outcomes: dict[str, Outcome], classes: int) -> list[Agreement]:
    """Return every pair of models."""
    labels = list(outcomes)
    return [
        _agreement(a, b, outcomes[a], outcomes[b], classes)
        for i, a in enumerate(labels)
        for b in labels[i + 1 :]
    ]


def _agreement(a: str, b: str, x: Outcome, y: Outcome, classes: int) -> Agreement:
    either = int((~x.correct1 | ~y.correct1).sum())
    both = int((~x.correct1 & ~y.correct1).sum())
    read = (x.top1 >= 0) & (y.top1 >= 0)
    kappa = cohens_kappa(x.top1[read], y.top1[read], classes)
    return Agreement(a, b, both / either if either else None, kappa)


def cohens_kappa(x: NDArray[np.int16], y: NDArray[np.int16], classes: int) -> float | None:
    """Return Cohen's kappa of two predictions [N]; null when chance alone agrees everywhere.

    Source: Cohen 1960; scikit-learn's cohen_kappa_score agrees, and costs 1 s to import.
    """
    n = len(x)
    observed = float((x == y).mean())
    by_chance = float(np.bincount(x, minlength=classes) @ np.bincount(y, minlength=classes)) / n**2
    return None if by_chance == 1 else (observed - by_chance) / (1 - by_chance)


def solely_correct(outcomes: dict[str, Outcome]) -> dict[str, NDArray[np.int64]]:
    """Return, per model, the indices of the test images that it alone gets right."""
    if len(outcomes) < 2:
        return {}
    right = np.array([outcome.correct1 for outcome in outcomes.values()])
    alone = right.sum(axis=0) == 1
    return {label: np.flatnonzero(alone & row) for label, row in zip(outcomes, right, strict=True)}


def most_disputed(outcomes: dict[str, Outcome], top: int) -> NDArray[np.int64]:
    """Return the images on which the models differ most: right and wrong most evenly split.

    Among equals, those first on which the wrong ones are the most confident.
    """
    right = np.array([outcome.correct1 for outcome in outcomes.values()])
    confidence = np.array([outcome.confidence for outcome in outcomes.values()])
    split = np.minimum(right.sum(axis=0), (~right).sum(axis=0))
    wrong = np.where(right, 0.0, confidence).max(axis=0)
    order = np.lexsort((-wrong, -split))[:top]
    disputed: NDArray[np.int64] = order[split[order] > 0]
    return disputed


def majority_vote(outcomes: Sequence[Outcome], classes: int) -> float:
    """Return the accuracy in [0, 1] of the class most models choose; a tie goes by confidence."""
    n = len(outcomes[0].label)
    votes = np.zeros((n, classes), dtype=np.float32)
    for outcome in outcomes:
        # a confidence counts for less than a vote, whatever the number of models
        weight = 1 + outcome.confidence / (2 * len(outcomes))
        read = outcome.top1 >= 0
        np.add.at(votes, (np.flatnonzero(read), outcome.top1[read]), weight[read])
    return float((votes.argmax(axis=1) == outcomes[0].label).mean())
