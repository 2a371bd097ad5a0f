"""Agreement of the models' predictions: common errors, Cohen's kappa and majority vote."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cnncompare.comparison.folds import comparable_outcomes
from cnncompare.comparison.grouping import Group
from cnncompare.comparison.outcome import Outcome


@dataclass(frozen=True)
class Agreement:
    """Agreement of models `a` and `b` on the same test images.

    `common_errors` is the share, among the images that at least one of the two misclassifies, of
    those that both misclassify. Both numbers are None if they are undefined.
    """

    a: str
    b: str
    common_errors: float | None
    kappa: float | None


def representatives(groups: Sequence[Group]) -> dict[str, Outcome]:
    """Return the outcome of one run per group, by label; of a common seed if there is one.

    Otherwise it is the run with the group's lowest seed. Groups without outcomes are omitted. Of
    folds, it is the predictions of all folds of one seed.
    """
    if groups and groups[0].results[0].data.resampling is not None:
        return comparable_outcomes(groups)
    by_seed = [{r.seed: r.outcome for r in g.results if r.outcome is not None} for g in groups]
    common = set.intersection(*(set(s) for s in by_seed if s)) if any(by_seed) else set()
    chosen: dict[str, Outcome] = {}
    for group, outcomes in zip(groups, by_seed, strict=True):
        if outcomes:
            chosen[group.label] = outcomes[min(common or outcomes)]
    return chosen


def pairwise_agreements(outcomes: dict[str, Outcome], classes: int) -> list[Agreement]:
    """Return the agreement of every pair of models."""
    labels = list(outcomes)
    return [
        _agreement(a, b, outcomes[a], outcomes[b], classes)
        for i, a in enumerate(labels)
        for b in labels[i + 1 :]
    ]


def _agreement(a: str, b: str, x: Outcome, y: Outcome, classes: int) -> Agreement:
    either = int((~x.correct1 | ~y.correct1).sum())
    both = int((~x.correct1 & ~y.correct1).sum())
    decoded = (x.top1 >= 0) & (y.top1 >= 0)
    kappa = cohens_kappa(x.top1[decoded], y.top1[decoded], classes)
    return Agreement(a, b, both / either if either else None, kappa)


def cohens_kappa(x: NDArray[np.int16], y: NDArray[np.int16], classes: int) -> float | None:
    """Return Cohen's kappa of two predictions [N]; None if the expected agreement is 1.

    Source: Cohen 1960. scikit-learn's cohen_kappa_score gives the same but takes 1 s to import.
    """
    n = len(x)
    observed = float((x == y).mean())
    expected = float(np.bincount(x, minlength=classes) @ np.bincount(y, minlength=classes)) / n**2
    return None if expected == 1 else (observed - expected) / (1 - expected)


def solely_correct(outcomes: dict[str, Outcome]) -> dict[str, NDArray[np.int64]]:
    """Return, for each model, the indices of the images that it alone classifies correctly."""
    if len(outcomes) < 2:
        return {}
    correct = np.array([outcome.correct1 for outcome in outcomes.values()])
    one = correct.sum(axis=0) == 1
    return {label: np.flatnonzero(one & row) for label, row in zip(outcomes, correct, strict=True)}


def most_disputed(outcomes: dict[str, Outcome], top: int) -> NDArray[np.int64]:
    """Return the indices of up to `top` images on which the models disagree most.

    Images are ordered by how evenly correct and wrong predictions are split, and images with
    equal splits by the highest confidence of a wrong prediction.
    """
    correct = np.array([outcome.correct1 for outcome in outcomes.values()])
    confidence = np.array([outcome.confidence for outcome in outcomes.values()])
    minority = np.minimum(correct.sum(axis=0), (~correct).sum(axis=0))
    wrong_confidence = np.where(correct, 0.0, confidence).max(axis=0)
    order = np.lexsort((-wrong_confidence, -minority))[:top]
    disputed: NDArray[np.int64] = order[minority[order] > 0]
    return disputed


def majority_vote_accuracy(outcomes: Sequence[Outcome], classes: int) -> float:
    """Return the accuracy in [0, 1] of a majority vote; confidence decides between equal votes."""
    n = len(outcomes[0].label)
    votes = np.zeros((n, classes), dtype=np.float32)
    for outcome in outcomes:
        # all confidences together weigh less than one vote
        weight = 1 + outcome.confidence / (2 * len(outcomes))
        decoded = outcome.top1 >= 0
        np.add.at(votes, (np.flatnonzero(decoded), outcome.top1[decoded]), weight[decoded])
    return float((votes.argmax(axis=1) == outcomes[0].label).mean())
