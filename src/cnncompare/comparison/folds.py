"""Groups of runs on folds or repeated hold-outs: their values, predictions and images."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Literal

import numpy as np

from cnncompare.comparison.grouping import Group
from cnncompare.comparison.load import Result
from cnncompare.comparison.metrics import Metric
from cnncompare.comparison.outcome import Outcome
from cnncompare.stats.intervals import Interval
from cnncompare.stats.resampled import resampled_mean


@dataclass(frozen=True)
class GroupResampling:
    """Folds or hold-outs of a group, and how many of the data set's images they tested."""

    method: Literal["folds", "holdouts"]
    count: int | None  # of all folds; None for hold-outs
    numbers: list[int]  # of the group's runs, ascending
    n_images: int  # of the data set
    n_tested: int | None  # different ones; None if that is unknown


def resampling_of(group: Group) -> GroupResampling | None:
    """Return the folds or hold-outs of the group; None if it was tested on one test split."""
    section = group.results[0].data.resampling
    if section is None:
        return None
    numbers = sorted(_by_number(group.results))
    n_tested = _count_tested(group, is_partition=section.method == "folds")
    return GroupResampling(section.method, section.count, numbers, section.n, n_tested)


def _count_tested(group: Group, *, is_partition: bool) -> int | None:
    """Return the number of different images that the group's runs tested."""
    by_number = _by_number(group.results)
    if is_partition:
        return sum(_n_test(results[0]) for results in by_number.values())
    indices = [_index(results) for results in by_number.values()]
    known = [index for index in indices if index is not None]
    return len(np.unique(np.concatenate(known))) if len(known) == len(indices) else None


def _index(results: Sequence[Result]) -> Any:
    """Return the images of a hold-out, from any of its runs that has predictions."""
    outcomes = (result.outcome for result in results if result.outcome is not None)
    return next((outcome.index for outcome in outcomes if outcome.index is not None), None)


def _by_number(results: Sequence[Result]) -> dict[int, list[Result]]:
    by_number: dict[int, list[Result]] = defaultdict(list)
    for result in results:
        by_number[result.number].append(result)
    return by_number


def _n_test(result: Result) -> int:
    return result.record.test.n or result.data.n_test


def has_folds(group: Group) -> bool:
    """Return whether the runs of a group tested two or more folds or hold-outs."""
    return len({result.number for result in group.results}) > 1


def common_folds(a: Group, b: Group) -> list[tuple[list[Result], list[Result]]]:
    """Return the runs of `a` and of `b` on each fold that both have, in the order of the folds.

    They are reduced to the common seeds, if there are any. A fold is common only if its test
    images are the same.
    """
    of_a, of_b = _by_number(a.results), _by_number(b.results)
    pairs = []
    for number in sorted(of_a.keys() & of_b.keys()):
        runs = of_a[number], of_b[number]
        if len({result.data.fingerprint for side in runs for result in side}) == 1:
            seeds = {r.seed for r in runs[0]} & {r.seed for r in runs[1]}
            kept = [[r for r in side if not seeds or r.seed in seeds] for side in runs]
            pairs.append((kept[0], kept[1]))
    return pairs


def mean_over_seeds(results: Sequence[Result], metric: Metric) -> float | None:
    """Return the mean of the metric over runs on one fold, None if any is unknown."""
    values = [value for r in results if (value := metric.per_run(r)) is not None]
    return fmean(values) if values and len(values) == len(results) else None


def fold_sizes(folds: Sequence[Sequence[Result]]) -> list[int]:
    """Return the number of test images of each fold, whose runs are given."""
    return [_n_test(results[0]) for results in folds]


def size_ratio(folds: Sequence[Sequence[Result]]) -> float:
    """Return the mean number of test images of a fold divided by that of training images."""
    n_train = fmean(results[0].data.n_train or 0 for results in folds)
    return fmean(fold_sizes(folds)) / n_train


def estimate_over_folds(
    group: Group, metric: Metric
) -> tuple[float | None, float | None, Interval, Interval]:
    """Return mean, standard deviation over two or more folds, and the interval, twice.

    The mean is weighted by test images, so that an accuracy is that of all predictions together.
    The interval corrects for the overlap of the training sets; as the folds test different images,
    it covers the choice of images too.
    """
    unknown = Interval(None, None, "unknown")
    folds = [runs for _, runs in sorted(_by_number(group.results).items())]
    values = [mean_over_seeds(runs, metric) for runs in folds]
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None, None, unknown, unknown
    sizes = fold_sizes(folds)
    rounding = 1 / (12 * min(sizes) ** 2) if metric.percent else 0.0
    found = resampled_mean(known, sizes, size_ratio(folds), rounding)
    low, high = found.mean - found.half_width(), found.mean + found.half_width()
    if metric.percent:
        low, high = max(0.0, low), min(1.0, high)
    interval = Interval(low, high, "corrected t over folds")
    return found.mean, float(np.std(known, ddof=1)), interval, interval


def outcomes_of(group: Group) -> list[Outcome]:
    """Return the valid predictions of a group, those of a seed's folds pooled."""
    section = group.results[0].data.resampling
    known = [(r.seed, r.outcome) for r in group.results if r.outcome is not None]
    if section is None or section.method == "holdouts":
        return [outcome for _, outcome in known]
    by_seed: dict[int, list[Outcome]] = defaultdict(list)
    for seed, outcome in known:
        by_seed[seed].append(outcome)
    return [pool_outcomes(outcomes) for outcomes in by_seed.values()]


def pool_outcomes(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the predictions of several folds as one, in the order of the data set."""
    fields = ("label", "top1", "correct1", "correct5", "confidence", "index")
    columns = {name: np.concatenate([getattr(o, name) for o in outcomes]) for name in fields}
    order = columns["index"].argsort()
    return Outcome(**{name: values[order] for name, values in columns.items()})


def comparable_outcomes(groups: Sequence[Group]) -> dict[str, Outcome]:
    """Return predictions of each group, by label, on the same images.

    Groups without predictions on the images that most groups have in common are omitted.
    """
    by_images = [
        {
            outcome.index.tobytes(): outcome
            for outcome in outcomes_of(g)
            if outcome.index is not None
        }
        for g in groups
    ]
    counts = Counter(images for outcomes in by_images for images in outcomes)
    if not counts:
        return {}
    chosen = counts.most_common(1)[0][0]
    pairs = zip(groups, by_images, strict=True)
    return {g.label: outcomes[chosen] for g, outcomes in pairs if chosen in outcomes}
