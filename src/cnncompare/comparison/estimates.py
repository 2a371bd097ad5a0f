"""Estimates of a group: mean, spread and intervals of a metric, also for the best of several."""

from dataclasses import dataclass, replace
from statistics import fmean, stdev

import numpy as np

from cnncompare.comparison.folds import estimate_over_folds, has_folds
from cnncompare.comparison.grouping import Group
from cnncompare.comparison.metrics import Metric
from cnncompare.comparison.pair_tests import member_of
from cnncompare.stats.class_scores import effective_images
from cnncompare.stats.intervals import Interval, t_over_seeds, wilson_of_scores
from cnncompare.stats.score_interval import score_interval

ALPHA = 0.05
_UNKNOWN = Interval(None, None, "unknown")


@dataclass(frozen=True)
class Estimate:
    """A metric of a group: mean, standard deviation over seeds, and 95 % intervals.

    `interval` is for other seeds and other images of the same kind; for a single run, for other
    images alone; for a metric without a value per image, over the seeds alone. `over_seeds` is
    Student's t over the seeds, for the same images. Over folds or hold-outs, both are Student's t
    corrected for overlapping training sets, and `sd` is that over the folds.
    """

    mean: float | None
    sd: float | None
    interval: Interval
    over_seeds: Interval


@dataclass(frozen=True)
class BestOf:
    """The interval of the best of `of` rows, wide enough for its having been selected."""

    label: str
    of: int
    low: float | None
    high: float | None


def estimate_of(group: Group, metric: Metric) -> Estimate:
    """Return the estimate of the metric; without bounds where the runs do not give any."""
    if has_folds(group):
        return Estimate(*estimate_over_folds(group, metric))
    values = [value for r in group.results if (value := metric.per_run(r)) is not None]
    if not values:
        return Estimate(None, None, _UNKNOWN, _UNKNOWN)
    n = group.results[0].record.test.n or group.results[0].data.n_test
    over_seeds = t_over_seeds(values, n if metric.percent else None)
    sd = stdev(values) if len(values) > 1 else None
    return Estimate(fmean(values), sd, _interval(group, metric, ALPHA) or over_seeds, over_seeds)


def _interval(group: Group, metric: Metric, alpha: float) -> Interval | None:
    sample = member_of(group, metric).sample
    if sample is None:
        return None
    outcome = group.results[0].outcome
    if sample.runs > 1 or metric.effects is None or outcome is None or alpha != ALPHA:
        return score_interval(sample, alpha)
    scores = np.asarray(sample.image_means, dtype=float)
    return replace(wilson_of_scores(scores, effective_images(outcome.label)), method="images")


def best_of(group: Group, metric: Metric, rows: int) -> BestOf:
    """Return the interval of a group that was selected as the best of `rows` by its own value.

    The selection makes its value too good. The bound on that side is that of all rows together
    (Bonferroni), the other one is the row's own.
    """
    if has_folds(group):
        return BestOf(group.label, rows, None, None)
    own, wide = (_interval(group, metric, alpha) for alpha in (ALPHA, ALPHA / rows))
    if own is None or wide is None:
        return BestOf(group.label, rows, None, None)
    if metric.higher_is_better:
        return BestOf(group.label, rows, wide.low, own.high)
    return BestOf(group.label, rows, own.low, wide.high)
