"""The comparison on the console."""

import sys

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from cnncompare.comparison.compare import ComparedTable, Comparison
from cnncompare.language.catalogue import language, marked, tr
from cnncompare.language.recorded import recorded
from cnncompare.report.column import Column
from cnncompare.report.columns import result_columns
from cnncompare.report.findings import (
    across,
    headline,
    reason_for_tables,
    table_findings,
    tie_groups,
    tie_title,
)
from cnncompare.report.index import MOST_TABLES, index_of

# Columns in the order in which a narrow terminal drops them; numbers are never wrapped or cut.
_DROPPED_FIRST = (
    *(
        "top1_seeds_interval",
        "top5_seeds_interval",
        "size_mb",
        "depth",
        "gmacs",
        "peak_rss_mib",
        "top5_sd",
        "top5_interval",
        "total_s",
        "peak_gpu_mib",
    ),
    *("images_per_s", "top5", "time_to_best_s", "top1_sd", "params", "epoch_s", "latency_ms"),
    "top1_interval",
)
_DROPPED_LAST = ("seeds", "ties", "against_baseline")
_MOST_EXCLUDED = 10  # excluded runs that are listed


def print_comparison(comparison: Comparison, console: Console | None = None) -> None:
    """Print findings and tables; without a terminal, as plain lines."""
    console = console or Console(file=sys.stdout, highlight=False, soft_wrap=False)
    for text in (reason_for_tables(comparison), across(comparison)):
        if text:
            console.print(Text(text))
    if len(comparison.tables) > MOST_TABLES:
        _print_index(comparison, console)
    else:
        for table in comparison.tables:
            _print_table(table, comparison, console)
    _print_excluded(comparison, console)


def _print_index(comparison: Comparison, console: Console) -> None:
    """Print a paragraph per table, the newest first."""
    entries = index_of(comparison)
    for entry in entries:
        console.print()
        counts = tr(
            "{networks} networks, {runs} runs, newest {date}",
            networks=entry.networks,
            runs=entry.runs,
            date=entry.date,
        )
        console.print(Text(entry.title, style="bold").append(f"  {counts}", style="not bold"))
        console.print(Text(entry.answer))
    newest = comparison.tables[entries[0].number - 1]
    folder = newest.rows[0].group.results[0].run.folder.parent
    message = marked("The report has all tables; for those of one experiment: {command}")
    option = "" if language() == "en" else f" --language {language()}"
    hint = tr(message, command=f"cnncompare report {folder}{option}")
    console.print(Text(f"\n{hint}"), soft_wrap=True)


def _print_excluded(comparison: Comparison, console: Console) -> None:
    for skip in comparison.skipped[:_MOST_EXCLUDED]:
        text = tr("excluded: {path}: {reason}", path=skip.path, reason=recorded(skip.reason))
        console.print(Text(text, style="yellow"), soft_wrap=True)
    more = len(comparison.skipped) - _MOST_EXCLUDED
    if more > 0:
        console.print(tr("excluded: {n} more, listed in the report", n=more))


def _print_table(table: ComparedTable, comparison: Comparison, console: Console) -> None:
    console.print()
    console.print(Text(headline(table), style="bold"))
    for sentence in table_findings(table, comparison.options):
        console.print(Text(sentence))
    groups = tie_groups(table)
    if len(table.rows) > 1 and groups:
        ties = "; ".join(f"{name}: {', '.join(labels)}" for name, labels in groups)
        console.print(Text(f"{tie_title(table)}: {ties}"))
    columns = result_columns(table, comparison.options)
    for key in _drop_order(columns, comparison.options.metric.name):
        if _width(table, columns) <= console.width:
            break
        columns = [column for column in columns if column.key != key]
    fits = _width(table, columns) <= console.width
    console.print(_rich_table(table, columns), soft_wrap=fits)


def _drop_order(columns: list[Column], metric: str) -> list[str]:
    """Return the keys of the columns that can be dropped; the model and the metric cannot."""
    first = [key for name in _DROPPED_FIRST if (key := name.replace("top1", metric)) != metric]
    kept = {*first, *_DROPPED_LAST, "model", metric}
    return [*first, *(c.key for c in columns if c.key not in kept), *_DROPPED_LAST]


def _width(table: ComparedTable, columns: list[Column]) -> int:
    return sum(max(map(cell_len, _texts(c, table))) + 2 for c in columns)


def _texts(column: Column, table: ComparedTable) -> list[str]:
    return [column.title, *(column.text(row) for row in table.rows)]


def _rich_table(table: ComparedTable, columns: list[Column]) -> RichTable:
    rich_table = RichTable(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        justify = "right" if column.numeric else "left"
        rich_table.add_column(
            Text(column.title),
            justify=justify,  # type: ignore[arg-type]
            no_wrap=column.key != "model",
            overflow="fold",  # if nothing more can be dropped, a long name continues below
        )
    for row in table.rows:
        rich_table.add_row(*(Text(column.text(row)) for column in columns))
    return rich_table
