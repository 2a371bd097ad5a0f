"""The whole comparison: from finished runs to tables of groups, pairs, ties and costs."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from statistics import fmean, stdev
from typing import Any

import numpy as np

from cnncompare.comparison.fairness import card, overlapping
from cnncompare.comparison.grouping import Group, Table, differences, split_into_tables
from cnncompare.comparison.learning_curves import (
    BudgetComparison,
    compare_at_equal_budgets,
    time_to,
    total_s,
)
from cnncompare.comparison.load import Result, Skipped
from cnncompare.comparison.metrics import METRICS, Metric
from cnncompare.comparison.pairs import Pair, compare_pairs
from cnncompare.comparison.pareto import Front, median_of, pareto_fronts
from cnncompare.comparison.reference_results import ReferenceResult, reference_result
from cnncompare.errors import ConfigError, closest
from cnncompare.stats.compact_letters import compact_letter_display
from cnncompare.stats.friedman_nemenyi import MeanRanks, friedman_nemenyi
from cnncompare.stats.intervals import Interval, hierarchical_bootstrap, t_over_seeds, wilson


@dataclass(frozen=True)
class Options:
    """What is asked of a comparison."""

    metric: Metric = METRICS["top1"]
    target: float | None = None  # validation accuracy in [0, 1]
    baseline: str | None = None  # a label
    group_by: str | None = None  # a key of the configuration


@dataclass(frozen=True)
class Estimate:
    """A number of a group of runs: its mean, sd over seeds, and 95 % intervals.

    `interval` is Wilson's for one run, Student's t over the seeds of several; `with_images` is
    also over the test images, by hierarchical bootstrap.
    """

    mean: float | None
    sd: float | None
    interval: Interval
    with_images: Interval


@dataclass(frozen=True)
class GroupRow:
    """A group with its numbers; medians over its runs, but for accuracies."""

    group: Group
    estimates: dict[str, Estimate]  # by metric's name
    timing: dict[str, float | None]
    memory: dict[str, float | None]
    model: dict[str, Any]
    fairness: dict[str, Any]
    reference_result: ReferenceResult | None
    letters: str = ""

    @property
    def label(self) -> str:
        """The group's label."""
        return self.group.label


@dataclass(frozen=True)
class ComparedTable:
    """The rows of one protocol, best first, and what can be said of them."""

    protocol: dict[str, Any]
    rows: list[GroupRow]
    pairs: list[Pair]
    fronts: list[Front]
    budgets: list[BudgetComparison]


@dataclass(frozen=True)
class Comparison:
    """Everything a report shows."""

    options: Options
    tables: list[ComparedTable]
    differing: dict[str, list[Any]]  # protocol keys that split the tables, a value per table
    ranks: MeanRanks | None
    skipped: list[Skipped] = field(default_factory=list)


def compare_results(
    results: list[Result], skipped: Sequence[Skipped] = (), options: Options | None = None
) -> Comparison:
    """Compare `results`; raises ConfigError when baseline or group_by name nothing here."""
    options = options or Options()
    tables, left_out = split_into_tables(results, options.group_by)
    _check_baseline(options.baseline, tables)
    shared = overlapping(results)
    compared = [_compare_table(table, shared, options) for table in tables]
    return Comparison(
        options=options,
        tables=compared,
        differing=differences(tables),
        ranks=_ranks(compared, options.metric),
        skipped=[*skipped, *left_out],
    )


def _check_baseline(baseline: str | None, tables: Sequence[Table]) -> None:
    labels = list(dict.fromkeys(group.label for table in tables for group in table.groups))
    if baseline is not None and baseline not in labels:
        raise ConfigError(
            f"--baseline {baseline}: no such row{closest(baseline, labels)} "
            f"(rows: {', '.join(labels)})"
        )


def _compare_table(table: Table, shared: set[str], options: Options) -> ComparedTable:
    metric = options.metric
    rows = [_row(group, shared, options) for group in table.groups]
    rows.sort(key=lambda row: _order(row, metric))
    groups = [row.group for row in rows]
    known = any(row.label == options.baseline for row in rows)
    pairs = compare_pairs(groups, metric, options.baseline if known else None)
    score = {r.label: m for r in rows if (m := r.estimates[metric.name].mean) is not None}
    return ComparedTable(
        protocol=table.protocol,
        rows=rows if known else _with_letters(rows, pairs),
        pairs=pairs,
        fronts=pareto_fronts(groups, score, metric.higher_is_better),
        budgets=compare_at_equal_budgets(groups),
    )


def _order(row: GroupRow, metric: Metric) -> tuple[bool, float, str]:
    mean = row.estimates[metric.name].mean
    if mean is None:
        return True, 0.0, row.label
    return False, -mean if metric.higher_is_better else mean, row.label


def _with_letters(rows: list[GroupRow], pairs: Sequence[Pair]) -> list[GroupRow]:
    different = {frozenset((pair.a, pair.b)) for pair in pairs if pair.significant}
    found = compact_letter_display([row.label for row in rows], different)
    return [replace(row, letters=found[row.label]) for row in rows]


def _row(group: Group, shared: set[str], options: Options) -> GroupRow:
    names = dict.fromkeys(("top1", "top5", options.metric.name))
    estimates = {name: _estimate(group, METRICS[name]) for name in names}
    top1, first = estimates["top1"], group.results[0]
    return GroupRow(
        group=group,
        estimates=estimates,
        timing=_timing(group, options.target),
        memory={
            key: median_of(group, attrgetter(f"record.memory.{key}"))
            for key in ("peak_rss_mib", "peak_gpu_mib")
        },
        model=first.model.model_dump(),
        fairness=card(group, shared),
        reference_result=None
        if top1.mean is None
        else reference_result(first, top1.mean, top1.interval),
    )


def _estimate(group: Group, metric: Metric) -> Estimate:
    found = [metric.per_run(result) for result in group.results]
    values = [value for value in found if value is not None]
    unknown = Interval(None, None, "unknown")
    if not values:
        return Estimate(None, None, unknown, unknown)
    n = group.results[0].record.test.n or group.results[0].data.n_test
    if len(values) == 1:
        interval = unknown if metric.per_image is None else wilson(values[0] * n, n)
        return Estimate(values[0], None, interval, interval)
    interval = t_over_seeds(values, n if metric.percent else None)
    return Estimate(fmean(values), stdev(values), interval, _with_images(group, metric))


def _with_images(group: Group, metric: Metric) -> Interval:
    outcomes = [result.outcome for result in group.results]
    sound = [outcome for outcome in outcomes if outcome is not None]
    if metric.per_image is None or len(sound) < len(outcomes):
        return Interval(None, None, "unknown")
    return hierarchical_bootstrap(np.array([metric.per_image(outcome) for outcome in sound]))


_CLOCKS = ("epoch_s", "train_s", "val_s", "data_wait_s", "images_per_s", "time_to_best_s")


def _timing(group: Group, target: float | None) -> dict[str, float | None]:
    timing = {key: median_of(group, attrgetter(f"record.timing.{key}")) for key in _CLOCKS}
    timing["total_s"] = median_of(group, total_s)
    if target is not None:
        times = [time_to(target, result) for result in group.results]
        reached = [t for t in times if t is not None]
        timing["target_reached"] = float(len(reached))
        timing["time_to_target_s"] = (
            float(np.median(reached)) if len(reached) == len(times) else None
        )
    return timing


def _ranks(tables: Sequence[ComparedTable], metric: Metric) -> MeanRanks | None:
    """Rank the models that every data set has, over the largest table of each data set."""
    by_data: dict[str, dict[str, float]] = {}
    for table in tables:
        scores = {r.label: r.estimates[metric.name].mean for r in table.rows}
        known = {label: mean for label, mean in scores.items() if mean is not None}
        name = table.rows[0].group.results[0].data_name
        if len(known) > len(by_data.get(name, {})):
            by_data[name] = known
    if len(by_data) < 2:
        return None
    common = [
        label for label in next(iter(by_data.values())) if all(label in s for s in by_data.values())
    ]
    if len(common) < 3:
        return None
    matrix = np.array([[known[label] for label in common] for known in by_data.values()])
    return friedman_nemenyi(common, list(by_data), matrix, metric.higher_is_better)
