"""The report as Markdown."""

from collections.abc import Sequence

from cnncompare.comparison.compare import ComparedTable, Comparison
from cnncompare.comparison.robustness import RobustnessTable
from cnncompare.language.catalogue import tr
from cnncompare.language.recorded import recorded
from cnncompare.report.answer import answer, table_titles
from cnncompare.report.column import Column
from cnncompare.report.columns import result_columns
from cnncompare.report.fairness_card import fairness_columns
from cnncompare.report.findings import (
    across,
    headline,
    reason_for_tables,
    table_findings,
    tie_groups,
    tie_title,
)
from cnncompare.report.index import index_of
from cnncompare.report.robustness import (
    by_corruption,
    extent_of,
    heads_of,
    robustness_findings,
    row_cells,
    title_of,
)


def as_markdown(
    comparison: Comparison, robustness: Sequence[Sequence[RobustnessTable]] = ()
) -> str:
    """Return the report as Markdown: findings, tables, fairness cards, excluded runs.

    `robustness` are the tables on changed images of each table, if there are any.
    """
    heading = tr("Comparison of CNNs")
    blocks = [f"# {heading}", reason_for_tables(comparison), across(comparison)]
    if len(comparison.tables) > 1:
        blocks += [_md_index(comparison)]
    titles = table_titles(comparison)
    for number, (title, table) in enumerate(zip(titles, comparison.tables, strict=True)):
        blocks += [f"## {_md(title)}", f"**{_md(answer(table, comparison.options))}**"]
        blocks += [_md(headline(table))]
        blocks += [_md(" ".join(table_findings(table, comparison.options)))]
        blocks += [_md(_ties(table)), _md_table(table, result_columns(table, comparison.options))]
        card = tr("Fairness card: {title}", title=_md(title))
        blocks += [f"### {card}", _md_table(table, fairness_columns(table))]
        found = robustness[number] if robustness else ()
        blocks += [_md_robustness(of_set) for of_set in found]
    if comparison.skipped:
        blocks += ["## " + tr("Excluded runs")]
        lines = [f"- {_md(s.path)}: {_md(recorded(s.reason))}" for s in comparison.skipped]
        blocks += ["\n".join(lines)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def verdict_as_markdown(comparison: Comparison) -> str:
    """Return the findings alone, a list for each table."""
    blocks = [reason_for_tables(comparison), across(comparison)]
    for table in comparison.tables:
        blocks += [f"### {_md(headline(table))}"]
        findings = [*table_findings(table, comparison.options), _ties(table)]
        blocks += ["\n".join(f"- {_md(text)}" for text in findings if text)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _md_index(comparison: Comparison) -> str:
    """Return the list of the tables, the newest first."""
    heads = [tr("table"), tr("newest run"), tr("networks"), tr("runs"), tr("answer")]
    lines = [f"| {' | '.join(heads)} |", "|---|---|---:|---:|---|"]
    for e in index_of(comparison):
        cells = [_md(e.title), e.date, str(e.networks), str(e.runs), _md(e.answer)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _md_robustness(table: RobustnessTable) -> str:
    """Return a set of changed images: findings, networks, and means by corruption."""
    details = by_corruption(table)
    return "\n\n".join(
        [
            f"### {_md(title_of(table))}",
            _md(" ".join([*robustness_findings(table), f"{extent_of(table)}."])),
            _md_rows(heads_of(table), row_cells(table)),
            _md_rows(details["heads"], details["rows"]),
        ]
    )


def _md_rows(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    cells = ([text if at == 1 else _md(text) for text in line] for at, line in enumerate(lines))
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def _ties(table: ComparedTable) -> str:
    groups = tie_groups(table)
    if len(table.rows) < 2 or not groups:
        return ""
    listed = "; ".join(f"{name}: {', '.join(labels)}" for name, labels in groups)
    return f"{tie_title(table)}: {listed}."


def _md_table(table: ComparedTable, columns: list[Column]) -> str:
    lines = ["| " + " | ".join(_md(c.title) for c in columns) + " |"]
    lines += ["|" + "|".join("---:" if c.numeric else "---" for c in columns) + "|"]
    lines += ["| " + " | ".join(_md(c.text(row)) for c in columns) + " |" for row in table.rows]
    return "\n".join(lines)


_MD = str.maketrans({c: f"\\{c}" for c in "\\`*_[]<>|#~"} | {"\n": " "})


def _md(text: str) -> str:
    return text.translate(_MD)
