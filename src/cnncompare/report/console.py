"""The comparison on the console."""

import sys

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from cnncompare.comparison.compare import ComparedTable, Comparison
from cnncompare.report.columns import Column, columns
from cnncompare.report.findings import across, headline, tie_groups, verdict, why_split

# In a narrow terminal the last of these stay: numbers are never wrapped or cut.
_DROPPED_FIRST = (
    *("size_mb", "gmacs", "peak_rss_mib", "top5_sd", "top5_interval", "total_s", "peak_gpu_mib"),
    *("images_per_s", "top5", "time_to_best_s", "top1_sd", "params", "epoch_s", "top1_interval"),
)


def print_comparison(comparison: Comparison, console: Console | None = None) -> None:
    """Print findings and tables; plain lines where it is not a terminal."""
    console = console or Console(file=sys.stdout, highlight=False, soft_wrap=False)
    for text in (why_split(comparison), across(comparison)):
        if text:
            console.print(Text(text))
    for table in comparison.tables:
        _print_table(table, comparison, console)
    for skip in comparison.skipped[:10]:
        console.print(Text(f"left out: {skip.path}: {skip.reason}", style="yellow"), soft_wrap=True)
    if len(comparison.skipped) > 10:
        console.print(f"left out: {len(comparison.skipped) - 10} more, listed in the report")


def _print_table(table: ComparedTable, comparison: Comparison, console: Console) -> None:
    console.print()
    console.print(Text(headline(table), style="bold"))
    for sentence in verdict(table, comparison.options):
        console.print(Text(sentence))
    if len(table.rows) > 1 and tie_groups(table):
        ties = "; ".join(f"{n.upper()}: {', '.join(labels)}" for n, labels in tie_groups(table))
        console.print(Text(f"Tie groups: {ties}"))
    shown = columns(table, comparison.options)
    for key in _DROPPED_FIRST:
        if _width(table, shown) <= console.width:
            break
        shown = [column for column in shown if column.key != key]
    console.print(_drawn(table, shown), soft_wrap=True)


def _width(table: ComparedTable, shown: list[Column]) -> int:
    return sum(max(len(c.title), *(len(c.text(r)) for r in table.rows)) + 2 for c in shown)


def _drawn(table: ComparedTable, shown: list[Column]) -> RichTable:
    drawn = RichTable(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in shown:
        justify = "right" if column.numeric else "left"
        drawn.add_column(Text(column.title), justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for row in table.rows:
        drawn.add_row(*(Text(column.text(row)) for column in shown))
    return drawn
