"""Comparison of two groups over common folds or hold-outs, paired by fold and by image."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cnncompare.comparison.folds import fold_sizes, mean_over_seeds, size_ratio
from cnncompare.comparison.load import Result
from cnncompare.comparison.metrics import Metric
from cnncompare.comparison.outcome import Outcome
from cnncompare.stats.power import PowerFunction, power_over_runs
from cnncompare.stats.resampled import resampled_mean

CORRECTED_T = "corrected-resampled-t"


@dataclass(frozen=True)
class FoldComparison:
    """Difference of two groups over common folds; the fields are those of a pair.

    `wins_a` and `wins_b` count images, summed over seeds; they and `effect` are None if
    predictions are missing.
    """

    difference: float
    low: float
    high: float
    p: float
    folds: tuple[int, ...]
    seeds: tuple[int, ...]  # common to both groups in every fold
    wins_a: int | None
    wins_b: int | None
    effect: float | None
    power: PowerFunction


def compare_over_folds(
    folds: Sequence[tuple[list[Result], list[Result]]], metric: Metric
) -> FoldComparison | None:
    """Compare the runs of two groups on two or more common folds.

    The difference of a fold is that of the means over its seeds, on the same test images. Their
    mean, weighted by test images, is tested by the corrected resampled t test. None if a value of
    the metric is unknown.
    """
    differences = [_difference(a, b, metric) for a, b in folds]
    known = [value for value in differences if value is not None]
    if len(known) < len(folds):
        return None
    of_a = [a for a, _ in folds]
    sizes, ratio = fold_sizes(of_a), size_ratio(of_a)
    found = resampled_mean(known, sizes, ratio, least_variance=1 / (6 * min(sizes) ** 2))
    wins_a, wins_b = _count_wins(folds, metric) or (None, None)
    seeds = [{r.seed for r in a} & {r.seed for r in b} for a, b in folds]
    return FoldComparison(
        difference=found.mean,
        low=found.mean - found.half_width(),
        high=found.mean + found.half_width(),
        p=found.p_value(),
        folds=tuple(a[0].number for a in of_a),
        seeds=tuple(sorted(set.intersection(*seeds))),
        wins_a=wins_a,
        wins_b=wins_b,
        effect=_effect(wins_a, wins_b),
        # the corrected variance of the mean is that of n independent values of this variance
        power=power_over_runs(found.variance_of_mean * found.n, found.n, samples=1),
    )


def _difference(a: Sequence[Result], b: Sequence[Result], metric: Metric) -> float | None:
    x, y = mean_over_seeds(a, metric), mean_over_seeds(b, metric)
    return None if x is None or y is None else x - y


def _count_wins(
    folds: Sequence[tuple[list[Result], list[Result]]], metric: Metric
) -> tuple[int, int] | None:
    """Return how many images only a, and only b, classifies correctly by the metric."""
    wins = losses = 0
    for of_a, of_b in folds:
        by_seed = {result.seed: result for result in of_b}
        for a in of_a:
            b = by_seed.get(a.seed)
            if metric.per_image is None or b is None or a.outcome is None or b.outcome is None:
                return None
            right_a, right_b = _correct(a.outcome, metric), _correct(b.outcome, metric)
            wins += int((right_a & ~right_b).sum())
            losses += int((right_b & ~right_a).sum())
    return wins, losses


def _correct(outcome: Outcome, metric: Metric) -> NDArray[np.bool_]:
    """Return the scores of the images if they are right or wrong, otherwise top-1."""
    scores = None if metric.per_image is None else metric.per_image(outcome)
    is_share = scores is not None and scores.dtype == np.bool_
    return np.asarray(scores, dtype=np.bool_) if is_share else outcome.correct1


def _effect(wins: int | None, losses: int | None) -> float | None:
    if wins is None or losses is None:
        return None
    return wins / (wins + losses) - 0.5 if wins + losses else 0.0
