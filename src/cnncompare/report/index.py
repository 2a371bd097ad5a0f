"""The index of a report on many experiments, the newest first."""

from dataclasses import dataclass

from cnncompare.comparison.compare import ComparedTable, Comparison
from cnncompare.language.catalogue import tr
from cnncompare.report.answer import answer, experiments, table_titles
from cnncompare.terminal.formatting import enumeration

MOST_TABLES = 3  # that are shown in full; more are listed in the index
_MOST_EXPERIMENTS = 3  # named in one cell


@dataclass(frozen=True)
class IndexEntry:
    """A table's line of the index; `number` counts the tables from 1, `date` is that of its end."""

    number: int
    title: str
    data: str
    experiment: str
    date: str  # of the newest run, ISO 8601 to the minute
    networks: int
    runs: int
    answer: str


def index_of(comparison: Comparison) -> list[IndexEntry]:
    """Return an entry for each table, the one with the newest run first."""
    titles = table_titles(comparison)
    entries = [
        _entry(number, title, table, comparison)
        for number, (title, table) in enumerate(zip(titles, comparison.tables, strict=True), 1)
    ]
    return sorted(entries, key=lambda entry: entry.date, reverse=True)


def _entry(number: int, title: str, table: ComparedTable, comparison: Comparison) -> IndexEntry:
    results = [result for row in table.rows for result in row.group.results]
    names = experiments(table)
    more = len(names) - _MOST_EXPERIMENTS
    named = names if more <= 0 else [*names[:_MOST_EXPERIMENTS], tr("{n} more", n=more)]
    newest = max(r.record.finished_at or r.record.started_at for r in results)
    return IndexEntry(
        number=number,
        title=title,
        data=results[0].data_name,
        experiment=enumeration(named),
        date=newest[:16].replace("T", " "),
        networks=len(table.rows),
        runs=len(results),
        answer=answer(table, comparison.options),
    )
