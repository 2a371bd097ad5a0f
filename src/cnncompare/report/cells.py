"""The cells of the page's tables: texts, sort keys, the best value, and bars of intervals."""

from dataclasses import dataclass
from typing import Any

from cnncompare.comparison.compare import ComparedTable, GroupRow, Options
from cnncompare.comparison.metrics import Metric
from cnncompare.report.column import Column
from cnncompare.report.columns import result_columns
from cnncompare.report.fairness_card import fairness_columns
from cnncompare.report.formatting import is_uninformative
from cnncompare.report.main_columns import best_rows, divide_columns
from cnncompare.stats.intervals import Interval


@dataclass(frozen=True)
class Bar:
    """An interval and its mean as percent of the cell's width."""

    left: float
    width: float
    mean: float


def results_cells(table: ComparedTable, options: Options) -> dict[str, Any]:
    """Return the results table: the main columns, and the others for the switch."""
    chosen = divide_columns(result_columns(table, options), table, options.metric)
    bars = _bars(table, options.metric)
    hidden = {column.key for column in chosen.others}
    narrow = {column.key for column in chosen.narrow}
    rest = [column.key for column in chosen.all() if column.key not in narrow]
    bar_key = f"{options.metric.name}_interval"
    best = {column.key: best_rows(column, table) for column in chosen.all()}
    return {
        "columns": chosen.all(),
        "hidden": hidden,
        "wide": set(rest) - hidden,
        "constants": chosen.constants,
        "rows": [
            [
                _cell(column, row)
                | {"best": row.label in best[column.key]}
                | ({"bar": bars.get(row.label)} if column.key == bar_key else {})
                for column in chosen.all()
            ]
            for row in table.rows
        ],
    }


def fairness_cells(table: ComparedTable) -> dict[str, Any]:
    """Return the fairness card; what all rows share is listed below it."""
    columns = fairness_columns(table)
    shared = [c for c in columns[1:] if len({c.text(row) for row in table.rows}) == 1]
    if len(table.rows) == 1:
        shared = []
    differing = [column for column in columns if column not in shared]
    return {
        "columns": differing,
        "hidden": set(),
        "wide": set(),
        "constants": {column.title: column.text(table.rows[0]) for column in shared},
        "rows": [[_cell(column, row) for column in differing] for row in table.rows],
    }


def _cell(column: Column, row: GroupRow) -> dict[str, Any]:
    return {"text": column.text(row), "value": column.value(row), "best": False, "bar": None}


def _bars(table: ComparedTable, metric: Metric) -> dict[str, Bar]:
    """Return the bar of each row with an interval, all on one scale."""
    estimates = {row.label: row.estimates[metric.name] for row in table.rows}
    vague = {
        r.label for r in table.rows if is_uninformative(r, estimates[r.label].interval, metric)
    }
    estimates = {label: e for label, e in estimates.items() if label not in vague}
    bounds = [_bounds(estimate.interval) for estimate in estimates.values()]
    known = [bound for pair in bounds if pair for bound in pair]
    if not known or max(known) == min(known):
        return {}
    low, span = min(known), max(known) - min(known)

    def position(value: float) -> float:
        return 100 * (value - low) / span

    return {
        label: Bar(position(pair[0]), position(pair[1]) - position(pair[0]), position(e.mean))
        for label, e in estimates.items()
        if (pair := _bounds(e.interval)) and e.mean is not None
    }


def _bounds(interval: Interval) -> tuple[float, float] | None:
    if interval.low is None or interval.high is None:
        return None
    return interval.low, interval.high
