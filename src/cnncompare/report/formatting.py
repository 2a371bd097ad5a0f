"""Values and differences of a metric as text."""

from cnncompare.comparison.metrics import Metric
from cnncompare.terminal.formatting import UNKNOWN, number, percent, percentage


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
    return f"{text} points" if metric.percent and text != UNKNOWN else text
