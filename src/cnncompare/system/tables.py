"""Tables that drop columns to fit the terminal, so that no number is wrapped or cut."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rich.box import SIMPLE_HEAD, Box
from rich.console import Console
from rich.table import Table
from rich.text import Text

_UNLIMITED = 100_000  # columns


@dataclass(frozen=True)
class FittingColumn:
    """A column with its cells; of several, the highest `priority` is dropped first, and 0 never.

    If nothing more can be dropped, a column that `folds` continues on the next line.
    """

    title: str
    cells: Sequence[str]
    priority: int = 0
    justify: Literal["left", "right"] = "right"
    folds: bool = False


def fitting_table(
    columns: Sequence[FittingColumn],
    console: Console,
    *,
    box: Box | None = SIMPLE_HEAD,
    padding: tuple[int, int, int, int] = (0, 1, 0, 1),
) -> Table:
    """Return the table with as many columns as fit the console's width."""
    unlimited = console.options.update(width=_UNLIMITED)
    for lowest in sorted({column.priority for column in columns}, reverse=True):
        kept = [column for column in columns if column.priority <= lowest]
        table = _table(kept, box, padding)
        if console.measure(table, options=unlimited).maximum <= console.width:
            break
    return table


def _table(
    columns: Sequence[FittingColumn], box: Box | None, padding: tuple[int, int, int, int]
) -> Table:
    table = Table(box=box, padding=padding, pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(
            Text(column.title),
            justify=column.justify,
            no_wrap=not column.folds,
            overflow="fold" if column.folds else "ellipsis",
        )
    for cells in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*map(Text, cells))
    return table
