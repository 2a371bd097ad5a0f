"""The results as a tidy CSV table: one row per model, metric and split."""

import csv
import io
from collections.abc import Callable, Iterator
from functools import partial
from statistics import fmean, stdev

from cnncompare.comparison.compare import ComparedTable, Comparison, GroupRow
from cnncompare.comparison.load import Result
from cnncompare.comparison.metrics import METRICS
from cnncompare.report.answer import experiments
from cnncompare.report.columns import result_columns
from cnncompare.report.fairness_card import fairness_columns
from cnncompare.terminal.formatting import enumeration

Cell = float | str | None
# metrics of a split other than the test split, at the selected epoch: column of epochs.csv
_BY_EPOCH = {
    ("top1", "validation"): "val_acc1",
    ("top5", "validation"): "val_acc5",
    ("loss", "validation"): "val_loss",
    ("top1", "training"): "train_acc1",
    ("loss", "training"): "train_loss",
}
_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")  # the last are full-width forms of the first
_COUNTS = ("seeds", "folds", "holdouts", "n_tested")
_NO_MEASUREMENT = {*_COUNTS, "model", "against_baseline"}


def as_csv(comparison: Comparison) -> str:
    """Return the rows of all tables with exact numbers; accuracies are shares in [0, 1]."""
    rows = [
        row
        for number, table in enumerate(comparison.tables, start=1)
        for row in _table_rows(table, number, comparison)
    ]
    text = io.StringIO()
    writer = csv.DictWriter(
        text, list(dict.fromkeys(k for r in rows for k in r)), lineterminator="\n"
    )
    writer.writeheader()
    writer.writerows({key: _safe(value) for key, value in row.items()} for row in rows)
    return text.getvalue()


def _table_rows(
    table: ComparedTable, number: int, comparison: Comparison
) -> Iterator[dict[str, Cell]]:
    counts = [c for c in result_columns(table, comparison.options) if c.key in _COUNTS]
    conditions = fairness_columns(table)[1:]
    for row in table.rows:
        about: dict[str, Cell] = {
            "table": number,
            "data": row.group.results[0].data.name,
            "experiment": enumeration(experiments(table)),
            "model": row.label,
            **{column.key: column.value(row) for column in counts},
        }
        settings = {column.key: column.value(row) for column in conditions}
        for measured in _measured(table, row, comparison):
            yield about | measured | settings


def _measured(
    table: ComparedTable, row: GroupRow, comparison: Comparison
) -> Iterator[dict[str, Cell]]:
    """Return the metrics of each split, then the costs, which belong to no split."""
    ranked_by = comparison.options.metric.name
    for name, estimate in row.estimates.items():
        low, high = estimate.interval.low, estimate.interval.high
        ties = row.letters if name == ranked_by else ""
        values = _values(row, METRICS[name].per_run)
        metric = "loss" if name == "nll" else name
        spread = _measurement(metric, "test", estimate.mean, estimate.sd, len(values))
        yield spread | {"low": low, "high": high, "ties": ties}
    if "nll" not in row.estimates:
        yield from _mean(row, "loss", "test", lambda result: result.record.test.loss)
    for (name, split), column in _BY_EPOCH.items():
        yield from _mean(row, name, split, partial(_at_selected_epoch, column))
    for cost in result_columns(table, comparison.options):
        value = cost.value(row)
        derived = cost.key.partition("_")[0] in row.estimates
        is_cost = cost.numeric and not derived and cost.key not in _NO_MEASUREMENT
        if is_cost and isinstance(value, float | int):
            yield _measurement(cost.key, "", value, None, len(row.group.results))


def _measurement(
    metric: str, split: str, value: float | None, sd: float | None, n: int
) -> dict[str, Cell]:
    bounds: dict[str, Cell] = {"low": None, "high": None, "n": n, "ties": ""}
    return {"metric": metric, "split": split, "value": value, "sd": sd} | bounds


def _mean(
    row: GroupRow, metric: str, split: str, measure: Callable[[Result], float | None]
) -> Iterator[dict[str, Cell]]:
    values = _values(row, measure)
    if values:
        sd = stdev(values) if len(values) > 1 else None
        yield _measurement(metric, split, fmean(values), sd, len(values))


def _values(row: GroupRow, measure: Callable[[Result], float | None]) -> list[float]:
    return [value for result in row.group.results if (value := measure(result)) is not None]


def _at_selected_epoch(column: str, result: Result) -> float | None:
    selected = result.record.best.epoch
    rows = (row for row in result.epochs if row.get("epoch") == selected)
    return next((row.get(column) for row in rows), None)


def _safe(value: Cell) -> Cell:
    """Return the value; a text that a spreadsheet would evaluate as a formula is quoted."""
    is_formula = isinstance(value, str) and value.lstrip(" ").startswith(_FORMULA)
    return f"'{value}" if is_formula else value
