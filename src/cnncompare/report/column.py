"""A column of a results table."""

from collections.abc import Callable
from dataclasses import dataclass

from cnncompare.comparison.compare import GroupRow

Value = float | str | None


@dataclass(frozen=True)
class Column:
    """A column: `key` is its name in CSV, `value` is exact, `text` is rounded and for display."""

    key: str
    title: str
    hint: str
    value: Callable[[GroupRow], Value]
    text: Callable[[GroupRow], str]
    numeric: bool = True


def text_column(key: str, title: str, text: Callable[[GroupRow], str], hint: str = "") -> Column:
    """Return a column of plain text."""
    return Column(key, title, hint, text, text, numeric=False)
