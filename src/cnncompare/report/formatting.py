"""Numbers as text: what was not measured is a dash, never 0."""

from cnncompare.comparison.metrics import Metric

NOTHING = "\N{EN DASH}"


def percent(share: float | None, digits: int = 1) -> str:
    """Return a share in [0, 1] in percent, without the sign."""
    return NOTHING if share is None else f"{100 * share:.{digits}f}"


def in_metric(value: float | None, metric: Metric, digits: int = 1) -> str:
    """Return a value of the metric as shown: percent, or the number itself."""
    if metric.percent:
        return percent(value, digits) + (" %" if value is not None else "")
    return NOTHING if value is None else f"{value:.4f}"


def gap(value: float | None, metric: Metric, digits: int = 1, signed: bool = False) -> str:
    """Return a difference of the metric: in points, or the number itself."""
    if value is None:
        return NOTHING
    sign = "+" if signed else ""
    if metric.percent:
        return f"{100 * value:{sign}.{digits}f} points"
    return f"{value:{sign}.4f}"


def digits_for(n_test: int) -> int:
    """Return the decimals of a percentage that one image of `n_test` can still be seen in."""
    return 2 if n_test >= 5000 else 1


def seconds(value: float | None) -> str:
    """Return seconds with three significant digits."""
    return NOTHING if value is None else short(value)


def short(value: float | None) -> str:
    """Return a number with three significant digits and thousands set apart."""
    if value is None:
        return NOTHING
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def millions(value: float | None) -> str:
    """Return a count in millions, "0.27"."""
    return NOTHING if value is None else short(value / 1e6)


def p_value(value: float | None) -> str:
    """Return a p value with two significant digits, small ones as a bound."""
    if value is None:
        return NOTHING
    return "< 0.0001" if value < 1e-4 else f"{value:.2g}"


def listed(words: list[str]) -> str:
    """Return "a", "a and b", "a, b and c"."""
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]
