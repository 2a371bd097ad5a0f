"""The results of ``cnncompare robustness`` on the console."""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from cnncompare.comparison.robustness import RobustnessTable
from cnncompare.report.robustness import (
    PAIR_HEADS,
    by_corruption,
    extent_of,
    heads_of,
    pair_cells,
    robustness_findings,
    row_cells,
    title_of,
)
from cnncompare.robustness.results import RobustnessResults
from cnncompare.system.tables import FittingColumn, fitting_table
from cnncompare.terminal.console import make_console

MOST_CORRUPTIONS = 12  # columns of a table; of more, the networks are the columns
_DROPPED_FIRST = {"95 %": 2, "ECE clean": 3, "runs": 4}


def print_results(results: RobustnessResults) -> None:
    """Print the findings and tables of each set, then the runs that are left out."""
    console = make_console()
    for table in results.tables:
        _print_table(table, console)
    for skip in [*results.skipped, *(s for t in results.tables for s in t.left_out)]:
        console.print(Text(f"left out: {skip.path}: {skip.reason}", style="yellow"), soft_wrap=True)


def _print_table(table: RobustnessTable, console: Console) -> None:
    console.print()
    data = table.rows[0].group.results[0].data_name
    console.print(
        Text(f"{title_of(table)} of {data}", style="bold").append(
            f"  {extent_of(table)}", style="not bold"
        )
    )
    for sentence in robustness_findings(table):
        console.print(Text(sentence))
    console.print(_rows(heads_of(table), row_cells(table), console))
    details = by_corruption(table)
    if len(table.cells) > 1:
        heads, rows = details["heads"], details["rows"]
        if len(heads) > MOST_CORRUPTIONS:
            heads, *rows = [list(column) for column in zip(heads, *rows, strict=True)]
        console.print(_rows(heads, rows, console))
    if table.pairs["corrupted"]:
        console.print(_rows(PAIR_HEADS, pair_cells(table), console))


def _rows(heads: Sequence[str], rows: Sequence[Sequence[str]], console: Console) -> object:
    columns = [
        FittingColumn(
            head,
            [row[at] for row in rows],
            _DROPPED_FIRST.get(head, 0),
            "left" if head in ("network", "a", "b", "result", "ties") or at == 0 else "right",
            folds=at == 0,
        )
        for at, head in enumerate(heads)
    ]
    return fitting_table(columns, console, box=None, padding=(0, 2, 0, 0))
