"""The tables as Markdown, LaTeX (booktabs) and CSV."""

import csv
import io

from cnncompare.comparison.compare import ComparedTable, Comparison
from cnncompare.report.columns import Column, columns, fairness_columns
from cnncompare.report.findings import across, headline, tie_groups, verdict, why_split


def markdown(comparison: Comparison) -> str:
    """Return the report as Markdown: findings, tables, fairness card, what was left out."""
    parts = ["# Comparison", why_split(comparison), across(comparison)]
    for table in comparison.tables:
        parts += [f"## {_md(headline(table))}"]
        parts += [_md(" ".join(verdict(table, comparison.options)))]
        parts += [_md(_ties(table)), _md_table(table, columns(table, comparison.options))]
        parts += ["### Fairness", _md_table(table, fairness_columns(table))]
    if comparison.skipped:
        parts += ["## Left out"]
        parts += ["\n".join(f"- {_md(s.path)}: {_md(s.reason)}" for s in comparison.skipped)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _ties(table: ComparedTable) -> str:
    groups = tie_groups(table)
    if len(table.rows) < 2 or not groups:
        return ""
    return "; ".join(f"{name.upper()}: {', '.join(labels)}" for name, labels in groups) + "."


def _md_table(table: ComparedTable, shown: list[Column]) -> str:
    lines = ["| " + " | ".join(_md(c.title) for c in shown) + " |"]
    lines += ["|" + "|".join("---:" if c.numeric else "---" for c in shown) + "|"]
    lines += ["| " + " | ".join(_md(c.text(row)) for c in shown) + " |" for row in table.rows]
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


def latex(comparison: Comparison) -> str:
    r"""Return a table environment for each table; the document needs \usepackage{booktabs}."""
    return "\n".join(_latex_table(table, comparison) for table in comparison.tables)


def _latex_table(table: ComparedTable, comparison: Comparison) -> str:
    shown = columns(table, comparison.options)
    head = " & ".join(_tex(c.title) for c in shown)
    body = [" & ".join(_tex(c.text(row)) for c in shown) + r" \\" for row in table.rows]
    caption = f"{headline(table)}. Rows that share a letter cannot be told apart (Holm, 0.05)."
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering\small",
            f"\\caption{{{_tex(caption)}}}",
            f"\\begin{{tabular}}{{{''.join('r' if c.numeric else 'l' for c in shown)}}}",
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
    """Return all tables' rows with exact numbers, units in the columns' names."""
    text = io.StringIO()
    rows = [
        _csv_row(table, number, comparison)
        for number, table in enumerate(comparison.tables, start=1)
    ]
    flat = [row for members in rows for row in members]
    keys = dict.fromkeys(key for row in flat for key in row)
    writer = csv.DictWriter(text, list(keys), lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return text.getvalue()


def _csv_row(table: ComparedTable, number: int, comparison: Comparison) -> list[dict[str, object]]:
    shown = [c for c in columns(table, comparison.options) if not c.key.endswith("_interval")]
    return [
        {"table": number, "data": row.group.results[0].data.name}
        | {c.key: _cell(c.value(row)) for c in shown}
        | {
            f"{name}_{side}": getattr(estimate.interval, side)
            for name, estimate in row.estimates.items()
            for side in ("low", "high")
        }
        | {c.key: _cell(c.value(row)) for c in fairness_columns(table)}
        for row in table.rows
    ]


def _cell(value: float | str | None) -> float | str | None:
    """Keep a spreadsheet from taking a name for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in tuple("=+-@\t\r") else value
