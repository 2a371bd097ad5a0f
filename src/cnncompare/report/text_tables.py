"""The report as Markdown, and its tables as LaTeX (booktabs) and CSV."""

import csv
import io

from cnncompare.comparison.compare import ComparedTable, Comparison
from cnncompare.report.columns import Column, result_columns
from cnncompare.report.fairness_card import fairness_columns
from cnncompare.report.findings import (
    across,
    headline,
    reason_for_tables,
    table_findings,
    tie_groups,
    tie_title,
)


def as_markdown(comparison: Comparison) -> str:
    """Return the report as Markdown: findings, tables, fairness cards, excluded runs."""
    blocks = ["# Comparison of CNNs", reason_for_tables(comparison), across(comparison)]
    for table in comparison.tables:
        blocks += [f"## {_md(headline(table))}"]
        blocks += [_md(" ".join(table_findings(table, comparison.options)))]
        blocks += [_md(_ties(table)), _md_table(table, result_columns(table, comparison.options))]
        blocks += ["### Fairness card", _md_table(table, fairness_columns(table))]
    if comparison.skipped:
        blocks += ["## Excluded runs"]
        blocks += ["\n".join(f"- {_md(s.path)}: {_md(s.reason)}" for s in comparison.skipped)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def verdict_as_markdown(comparison: Comparison) -> str:
    """Return the findings alone, a list for each table."""
    blocks = [reason_for_tables(comparison), across(comparison)]
    for table in comparison.tables:
        blocks += [f"### {_md(headline(table))}"]
        findings = [*table_findings(table, comparison.options), _ties(table)]
        blocks += ["\n".join(f"- {_md(text)}" for text in findings if text)]
    return "\n\n".join(block for block in blocks if block) + "\n"


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


_TEX = str.maketrans(
    {c: f"\\{c}" for c in "&%$#_{}"}
    | {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"}
    | {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "\n": " "}
    | {"\N{EN DASH}": "--", "\N{MIDDLE DOT}": r"\textperiodcentered{}", "…": r"\dots{}"}
)


def _tex(text: str) -> str:
    return text.translate(_TEX)


def as_latex(comparison: Comparison) -> str:
    r"""Return a table environment per table; the document needs \usepackage{booktabs}."""
    return "\n".join(_latex_table(table, comparison) for table in comparison.tables)


def _latex_table(table: ComparedTable, comparison: Comparison) -> str:
    columns = result_columns(table, comparison.options)
    head = " & ".join(_tex(c.title) for c in columns)
    body = [" & ".join(_tex(c.text(row)) for c in columns) + r" \\" for row in table.rows]
    caption = f"{headline(table)}. Rows that share a letter are statistically tied (Holm, 0.05)."
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering\small",
            f"\\caption{{{_tex(caption)}}}",
            f"\\begin{{tabular}}{{{''.join('r' if c.numeric else 'l' for c in columns)}}}",
            r"\toprule",
            head + r" \\",
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def as_csv(comparison: Comparison) -> str:
    """Return the rows of all tables with exact numbers and units in the column names."""
    text = io.StringIO()
    rows = [
        _csv_rows(table, number, comparison)
        for number, table in enumerate(comparison.tables, start=1)
    ]
    flat = [row for members in rows for row in members]
    keys = dict.fromkeys(key for row in flat for key in row)
    writer = csv.DictWriter(text, list(keys), lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return text.getvalue()


def _csv_rows(table: ComparedTable, number: int, comparison: Comparison) -> list[dict[str, object]]:
    columns = [
        c for c in result_columns(table, comparison.options) if not c.key.endswith("_interval")
    ]
    return [
        {"table": number, "data": row.group.results[0].data.name}
        | {c.key: _cell(c.value(row)) for c in columns}
        | {
            f"{name}_{side}": getattr(estimate.interval, side)
            for name, estimate in row.estimates.items()
            for side in ("low", "high")
        }
        | {c.key: _cell(c.value(row)) for c in fairness_columns(table)}
        for row in table.rows
    ]


def _cell(value: float | str | None) -> float | str | None:
    """Return the value; a text that a spreadsheet would evaluate as a formula is quoted."""
    return f"'{value}" if isinstance(value, str) and value[:1] in tuple("=+-@\t\r") else value
