"""Numbers as text; a number that was not measured is a dash, never 0."""

from collections.abc import Sequence
from math import isnan

from cnncompare.language.catalogue import tr

UNKNOWN = "\N{EN DASH}"


def number(value: float | None, spec: str) -> str:
    """Return the value in the given format specification; a zero never has a minus sign."""
    if value is None or isnan(value):
        return UNKNOWN
    text = format(value, spec)
    is_negative_zero = text.startswith("-") and not any(digit in text for digit in "123456789")
    return format(0.0, spec) if is_negative_zero else text


def percentage(share: float | None, decimals: int = 1) -> str:
    """Return a share in [0, 1] as a number of percent, "97.2", without the sign.

    Rounding gives 100 only for a share of exactly 1.
    """
    if share is None or isnan(share):
        return UNKNOWN
    below_one = min(share, 1 - 10 ** -(decimals + 2)) if share < 1 else share
    return number(100 * below_one, f".{decimals}f")


def percent(share: float | None, decimals: int = 1) -> str:
    """Return a share in [0, 1] with the percent sign, "97.2 %"."""
    text = percentage(share, decimals)
    return text if text == UNKNOWN else f"{text} %"


def accuracy_decimals(n_test: int) -> int:
    """Return the decimals of a percentage that make one image of `n_test` visible."""
    return 2 if n_test >= 5000 else 1


def significant(value: float | None) -> str:
    """Return three significant digits; from 100, a whole number with thousands separators."""
    return number(value, ".3g" if value is None or abs(value) < 100 else ",.0f")


def integer(value: float | None) -> str:
    """Return a rounded number with thousands separators."""
    return number(value, ",.0f")


def millions(count: float | None) -> str:
    """Return a count in millions, "0.27"."""
    return significant(None if count is None else count / 1e6)


def gmacs(macs: float | None) -> str:
    """Return multiply-accumulates in units of 10^9, "0.0405"."""
    return significant(None if macs is None else macs / 1e9)


def p_value(value: float | None) -> str:
    """Return a p value with two significant digits; below 0.0001, the bound."""
    return "< 0.0001" if value is not None and value < 1e-4 else number(value, ".2g")


def duration(seconds: float | None) -> str:
    """Return a time in its two largest units: "12.3 s", "3 min 28 s", "5 h 07 min", "2 d 4 h".

    Whole seconds, as of an estimate, have no decimals.
    """
    if seconds is None or isnan(seconds) or seconds < 59.95:
        text = number(seconds, ".0f" if isinstance(seconds, int) else ".1f")
        return text if text == UNKNOWN else tr("{seconds} s", seconds=text)
    whole = round(seconds)
    if whole < 3600:
        return tr("{minutes} min {seconds:02} s", minutes=whole // 60, seconds=whole % 60)
    minutes = round(seconds / 60)
    if minutes < 24 * 60:
        return tr("{hours} h {minutes:02} min", hours=minutes // 60, minutes=minutes % 60)
    hours = round(seconds / 3600)
    return tr("{days} d {hours} h", days=hours // 24, hours=hours % 24)


def padded(text: str, width: int) -> str:
    """Return the text filled with spaces to a width on the terminal, where Hangul takes two."""
    from rich.cells import cell_len

    return text + " " * max(0, width - cell_len(text))


def enumeration(names: Sequence[str]) -> str:
    """Return "a", "a and b" or "a, b and c"."""
    *first, last = names
    return tr("{first} and {last}", first=", ".join(first), last=last) if first else last
