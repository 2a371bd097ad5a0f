"""Mean, spread and interval of a network's accuracy on changed images, and of its drop."""

from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np

from cnncompare.comparison.folds import estimate_over_folds, has_folds
from cnncompare.comparison.grouping import Group
from cnncompare.comparison.metrics import Metric
from cnncompare.comparison.pair_tests import member_of
from cnncompare.stats.score_interval import score_interval
from cnncompare.stats.two_samples import Sample
from cnncompare.stats.variance_components import least_significant_difference


@dataclass(frozen=True)
class Score:
    """A mean over runs, its standard deviation over these, and its 95 % interval.

    The interval is for other seeds and other images; of a single run, for other images alone.
    """

    mean: float
    sd: float | None
    low: float | None
    high: float | None


def score_of(group: Group, metric: Metric) -> Score:
    """Return the score of a metric in [0, 1] that every run of the group has."""
    if has_folds(group):
        return _over_folds(group, metric)
    mean, sd = _mean_and_sd(group, metric)
    sample = member_of(group, metric).sample
    if sample is None:
        return Score(mean, sd, None, None)
    interval = score_interval(sample)
    return Score(mean, sd, interval.low, interval.high)


def drop_of(
    group: Group, metric: Metric, apart: tuple[Group, Group], clean: Metric, corrupted: Metric
) -> Score:
    """Return the drop; `apart` are the groups whose difference it is, where images differ."""
    if has_folds(group):
        return _over_folds(group, metric)
    mean, sd = _mean_and_sd(group, metric)
    sample = member_of(group, metric).sample
    if sample is not None:
        half = _half_width(_seed_variance(sample), _image_variance(sample), sample.runs)
        return Score(mean, sd, mean - half, mean + half)
    samples = [member_of(g, m).sample for g, m in zip(apart, (clean, corrupted), strict=True)]
    known = [sample for sample in samples if sample is not None]
    if len(known) < 2:
        return Score(mean, sd, None, None)
    seeds = 0.0 if sd is None else sd**2 / len(group.results)
    half = _half_width(seeds, sum(map(_image_variance, known)), len(group.results))
    return Score(mean, sd, mean - half, mean + half)


def _mean_and_sd(group: Group, metric: Metric) -> tuple[float, float | None]:
    values = [value for r in group.results if (value := metric.per_run(r)) is not None]
    return fmean(values), stdev(values) if len(values) > 1 else None


def _over_folds(group: Group, metric: Metric) -> Score:
    mean, sd, interval, _ = estimate_over_folds(group, metric)
    assert mean is not None
    return Score(mean, sd, interval.low, interval.high)


def _seed_variance(sample: Sample) -> float:
    return 0.0 if sample.run_variance is None else sample.run_variance / sample.runs


def _image_variance(sample: Sample) -> float:
    """Return the variance of a mean due to the images, with two pseudo-images at the extremes.

    Without them it would be 0 for a network that is right on all images.
    """
    squares = sample.images * sample.image_variance + 2.0
    return squares / (sample.images + 2) / (sample.images + 2)


def _half_width(v_seeds: float, v_images: float, runs: int) -> float:
    return float(np.asarray(least_significant_difference(v_seeds, v_images, max(1, runs - 1))))
