"""Comparison of finished runs: tables of groups with their pairs, tie groups and costs."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Any

import numpy as np

from cnncompare.comparison.clocks import groups_on, main_clock, timed_group
from cnncompare.comparison.estimates import BestOf, Estimate, best_of, estimate_of
from cnncompare.comparison.fairness import fairness_card, overlapping_runs
from cnncompare.comparison.folds import GroupResampling, resampling_of
from cnncompare.comparison.grouping import Group, Table, differing_protocol_keys, split_into_tables
from cnncompare.comparison.learning_curves import (
    BudgetComparison,
    compare_at_equal_budgets,
    seconds_to_accuracy,
    total_seconds,
)
from cnncompare.comparison.load import Result, Skipped
from cnncompare.comparison.looks import Look
from cnncompare.comparison.machine import clock_of
from cnncompare.comparison.metrics import METRICS, Metric
from cnncompare.comparison.pairs import Pair, compare_pairs
from cnncompare.comparison.pareto import ParetoFront, latency_s, median_of, pareto_fronts
from cnncompare.comparison.reference_results import ReferenceResult, reference_result
from cnncompare.comparison.tuning import TuningCurve, tuning_curves
from cnncompare.comparison.untrained import (
    separate_untrained,
    set_aside_untrained,
)
from cnncompare.errors import ConfigError, closest
from cnncompare.stats.compact_letters import compact_letter_display
from cnncompare.stats.friedman_nemenyi import MeanRanks, friedman_nemenyi


@dataclass(frozen=True)
class Options:
    """The metric, target, baseline and grouping of a comparison."""

    metric: Metric = METRICS["top1"]
    target: float | None = None  # validation accuracy in [0, 1] for the time to target
    baseline: str | None = None  # label of a group
    group_by: str | None = None  # key of the configuration
    margin: float | None = None  # largest difference of the metric without practical relevance
    looks: tuple[Look, ...] = ()  # earlier reports of these runs
    planned_seeds: int | None = None  # of each network; until it has them, each report is a look


@dataclass(frozen=True)
class GroupRow:
    """A group with its estimates by metric name; times and memory are medians over its runs.

    `clock` is the machine that the times were measured on: that of most runs of the table, if any
    of the group ran there.
    """

    group: Group
    estimates: dict[str, Estimate]
    timing: dict[str, float | None]
    memory: dict[str, float | None]
    model: dict[str, Any]
    fairness: dict[str, Any]
    reference_result: ReferenceResult | None
    clock: str
    letters: str = ""
    did_not_train: int = 0  # runs of the network that are left out of all estimates and tests
    failure: str = ""  # evidence of the first of them
    resampling: GroupResampling | None = None  # None for an ordinary test split

    @property
    def label(self) -> str:
        """The label of the group."""
        return self.group.label


@dataclass(frozen=True)
class ComparedTable:
    """The rows of one protocol, best first, with their comparisons."""

    protocol: dict[str, Any]
    rows: list[GroupRow]
    untrained: list[GroupRow]  # none of their runs trained; without rank and tests
    pairs: list[Pair]
    fronts: list[ParetoFront]
    budgets: list[BudgetComparison]
    best: BestOf | None
    tuning: list[TuningCurve]  # empty unless the rows were tuned
    clock: str  # the machine of most runs; times are compared among rows with this clock
    planned_seeds: int | None = None
    unfinished: dict[str, int] = field(default_factory=dict)  # seeds, where more were planned

    @property
    def single_runs(self) -> bool:
        """Whether each row is one run, so that all verdicts are about trained networks."""
        return all(len(row.group.results) == 1 for row in self.rows)


@dataclass(frozen=True)
class Comparison:
    """All results of a comparison; `differing` has one value per table for each protocol key."""

    options: Options
    tables: list[ComparedTable]
    differing: dict[str, list[Any]]  # protocol keys in which the tables differ
    ranks: MeanRanks | None
    skipped: list[Skipped] = field(default_factory=list)


def compare_results(
    results: list[Result],
    skipped: Sequence[Skipped] = (),
    options: Options | None = None,
    trials: Sequence[Result] = (),
) -> Comparison:
    """Compare `results`; raises ConfigError if `baseline` or `group_by` does not occur in them.

    `trials` are those of tunings, which were not tested.
    """
    options = options or Options()
    tables, not_grouped = split_into_tables(results, options.group_by)
    tables, untrained = set_aside_untrained(tables)
    _check_baseline(options.baseline, tables)
    overlapping = overlapping_runs(results)
    compared = [_compare_table(table, overlapping, options, trials) for table in tables]
    return Comparison(
        options=options,
        tables=compared,
        differing=differing_protocol_keys(tables),
        ranks=_ranks(compared, options.metric),
        skipped=[*skipped, *not_grouped, *untrained],
    )


def _check_baseline(baseline: str | None, tables: Sequence[Table]) -> None:
    labels = list(dict.fromkeys(group.label for table in tables for group in table.groups))
    if baseline is not None and baseline not in labels:
        raise ConfigError(
            f"--baseline {baseline}: there is no such row{closest(baseline, labels)} "
            f"(rows: {', '.join(labels)})"
        )


def _compare_table(
    table: Table, overlapping: set[str], options: Options, trials: Sequence[Result]
) -> ComparedTable:
    metric = options.metric
    rows, untrained = _rows(table, overlapping, options)
    groups = [row.group for row in rows]
    has_baseline = any(row.label == options.baseline for row in rows)
    baseline = options.baseline if has_baseline else None
    unfinished = _unfinished(rows, options.planned_seeds)
    margin, looks = options.margin, options.looks
    pairs = compare_pairs(groups, metric, baseline, margin, looks, unfinished.keys())
    clock = main_clock(groups)
    return ComparedTable(
        protocol=table.protocol,
        untrained=untrained,
        rows=rows if has_baseline else _with_letters(rows, pairs),
        pairs=pairs,
        fronts=pareto_fronts(groups, _scores(rows, metric), metric.higher_is_better, clock),
        budgets=compare_at_equal_budgets(groups, groups_on(groups, clock)),
        best=best_of(groups[0], metric, len(groups)) if len(groups) > 1 else None,
        tuning=tuning_curves(table.protocol, [g.results[0] for g in table.groups], trials),
        clock=clock,
        planned_seeds=options.planned_seeds,
        unfinished=unfinished,
    )


def _unfinished(rows: Sequence[GroupRow], planned: int | None) -> dict[str, int]:
    """Return the seeds of the rows that have fewer than planned; one that did not train counts."""
    seeds = {row.label: len(row.group.seeds) + row.did_not_train for row in rows}
    return {label: n for label, n in seeds.items() if planned is not None and n < planned}


def _rows(
    table: Table, overlapping: set[str], options: Options
) -> tuple[list[GroupRow], list[GroupRow]]:
    """Return the rows of the networks that trained, best first, and those of the others."""
    rows: list[GroupRow] = []
    untrained: list[GroupRow] = []
    clock = main_clock(table.groups)
    for group in table.groups:
        trained, failed, failure = separate_untrained(group)
        row = _row(trained or group, overlapping, options, clock)
        row = replace(row, did_not_train=len(failed), failure=failure)
        (rows if trained else untrained).append(row)
    rows.sort(key=lambda row: _rank_key(row, options.metric))
    return rows, untrained


def _rank_key(row: GroupRow, metric: Metric) -> tuple[bool, float, str]:
    mean = row.estimates[metric.name].mean
    if mean is None:
        return True, 0.0, row.label
    return False, -mean if metric.higher_is_better else mean, row.label


def _with_letters(rows: list[GroupRow], pairs: Sequence[Pair]) -> list[GroupRow]:
    significant = {frozenset((pair.a, pair.b)) for pair in pairs if pair.significant}
    letters = compact_letter_display([row.label for row in rows], significant)
    return [replace(row, letters=letters[row.label]) for row in rows]


def _row(group: Group, overlapping: set[str], options: Options, clock: str) -> GroupRow:
    names = dict.fromkeys(("top1", "top5", options.metric.name))
    estimates = {name: estimate_of(group, METRICS[name]) for name in names}
    top1, first = estimates["top1"], group.results[0]
    timed = timed_group(group, clock)
    reference = None if top1.mean is None else reference_result(first, top1.mean, top1.interval)
    return GroupRow(
        group=group,
        estimates=estimates,
        timing=_timing(timed, options.target),
        clock=clock_of(timed.results[0]),
        memory={
            key: median_of(group, attrgetter(f"record.memory.{key}"))
            for key in ("peak_rss_mib", "peak_gpu_mib")
        },
        model=first.model.model_dump(),
        fairness=fairness_card(group, overlapping),
        reference_result=reference,
        resampling=resampling_of(group),
    )


_TIMES = ("epoch_s", "train_s", "val_s", "data_wait_s", "images_per_s", "time_to_best_s")


def _timing(group: Group, target: float | None) -> dict[str, float | None]:
    timing = {key: median_of(group, attrgetter(f"record.timing.{key}")) for key in _TIMES}
    timing["total_s"] = median_of(group, total_seconds)
    timing["latency_s"] = median_of(group, latency_s)
    if target is not None:
        times = [t for r in group.results if (t := seconds_to_accuracy(target, r)) is not None]
        all_reached = len(times) == len(group.results)
        timing["target_reached"] = float(len(times))
        timing["time_to_target_s"] = float(np.median(times)) if all_reached else None
    return timing


def _ranks(tables: Sequence[ComparedTable], metric: Metric) -> MeanRanks | None:
    """Rank the models that occur in every data set; None for too few of either."""
    scores = _scores_by_data(tables, metric)
    if len(scores) < 2:
        return None
    first, *others = scores.values()
    common = [label for label in first if all(label in means for means in others)]
    if len(common) < 3:
        return None
    matrix = np.array([[means[label] for label in common] for means in scores.values()])
    return friedman_nemenyi(common, list(scores), matrix, metric.higher_is_better)


def _scores_by_data(tables: Sequence[ComparedTable], metric: Metric) -> dict[str, dict[str, float]]:
    """Return the mean of each label in the largest table of each data set."""
    by_data: dict[str, dict[str, float]] = {}
    for table in tables:
        name = table.rows[0].group.results[0].data_name
        scores = _scores(table.rows, metric)
        if len(scores) > len(by_data.get(name, {})):
            by_data[name] = scores
    return by_data


def _scores(rows: Sequence[GroupRow], metric: Metric) -> dict[str, float]:
    return {r.label: m for r in rows if (m := r.estimates[metric.name].mean) is not None}
