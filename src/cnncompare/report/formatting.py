"""Values and differences of a metric as text."""

from collections.abc import Sequence

from cnncompare.comparison.compare import ComparedTable, GroupRow
from cnncompare.comparison.metrics import Metric
from cnncompare.comparison.pairs import Pair
from cnncompare.language.catalogue import marked, tr
from cnncompare.stats.intervals import Interval
from cnncompare.terminal.formatting import UNKNOWN, accuracy_decimals, number, percent, percentage

NEEDS_A_THIRD_SEED = marked("needs a third seed")
_WIDE = 0.1  # an interval of 10 points; two values say little about their spread


def has_two_seeds(row: GroupRow) -> bool:
    """Return whether the row's interval is over two seeds alone."""
    return row.resampling is None and len(row.group.results) == 2


def is_uninformative(row: GroupRow, bounds: Interval, metric: Metric) -> bool:
    """Return whether the interval is over two seeds and so wide that a third seed is needed."""
    if not has_two_seeds(row) or bounds.low is None or bounds.high is None:
        return False
    mean = row.estimates[metric.name].mean or 0.0
    return bounds.high - bounds.low > (_WIDE if metric.percent else abs(mean))


def interval_text(row: GroupRow, bounds: Interval, metric: Metric, decimals: int) -> str:
    """Return "93.4 to 95.5", or that two seeds which differ need a third one."""
    if is_uninformative(row, bounds, metric):
        return tr(NEEDS_A_THIRD_SEED)
    if bounds.low is None:
        return UNKNOWN
    low, high = (metric_number(bound, metric, decimals) for bound in (bounds.low, bounds.high))
    return tr("{low} to {high}", low=low, high=high)


def metric_number(value: float | None, metric: Metric, decimals: int = 1) -> str:
    """Return a value of the metric without its unit."""
    return percentage(value, decimals) if metric.percent else number(value, ".4f")


def metric_value(value: float | None, metric: Metric, decimals: int = 1) -> str:
    """Return a value of the metric with its unit: "97.2 %", or a loss."""
    return percent(value, decimals) if metric.percent else number(value, ".4f")


def difference_number(
    value: float | None, metric: Metric, decimals: int = 1, signed: bool = False
) -> str:
    """Return a difference of the metric without its unit: in percentage points, or of a loss."""
    if value is None:
        return UNKNOWN
    sign = "+" if signed else ""
    if metric.percent:
        return number(100 * value, f"{sign}.{decimals}f")
    return number(value, f"{sign}.4f")


def difference(value: float | None, metric: Metric, decimals: int = 1, signed: bool = False) -> str:
    """Return a difference of the metric with its unit: "0.2 points", or of a loss."""
    text = difference_number(value, metric, decimals, signed)
    return tr("{n} points", n=text) if metric.percent and text != UNKNOWN else text


def pair_result(pair: Pair) -> str:
    """Return the verdict on a, as tables state it: better, worse, same, undecided, too few runs."""
    if pair.verdict == "same":
        return tr("same, significant") if pair.significant else tr("same")
    if pair.significant:
        return tr("better") if (pair.difference or 0.0) >= 0 else tr("worse")
    return tr("too few runs") if pair.too_few_runs else tr("undecided")


def table_decimals(table: ComparedTable) -> int:
    """Return the decimals of the table's percentages.

    The second one makes single images of a large test set visible, but it is noise where no gap
    below one point can be detected.
    """
    decimals = accuracy_decimals(table.rows[0].group.results[0].data.n_test)
    gaps = [gap for pair in table.pairs if (gap := _detectable(pair)) is not None]
    return min(decimals, 1) if gaps and min(gaps) >= 0.01 else decimals


def _detectable(pair: Pair) -> float | None:
    """Return the smallest gap that is reliably detected, or half of the interval's width."""
    if pair.plan is not None and pair.plan.detectable is not None:
        return pair.plan.detectable
    return None if pair.low is None or pair.high is None else (pair.high - pair.low) / 2


def listed(names: Sequence[str], most: int) -> str:
    """Return the first names and the number of the others: "a, b, c and 4 more"."""
    text, more = ", ".join(names[:most]), len(names) - most
    return tr("{names} and {n} more", names=text, n=more) if more > 0 else text


def first_names(names: Sequence[str], most: int = 6) -> list[str]:
    """Return at most `most` names and, instead of the others, their number."""
    more = len(names) - most
    return list(names) if more <= 0 else [*names[:most], tr("{n} more", n=more)]
