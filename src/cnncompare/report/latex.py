r"""The report as LaTeX for a column of 345 pt: a table of results, one of pairs, and the methods.

It is meant for \input, in a document with or without the package booktabs.
"""

import re

from cnncompare.comparison.compare import ComparedTable, Comparison, GroupRow, Options
from cnncompare.comparison.metrics import SYNONYMS
from cnncompare.comparison.pairs import Pair
from cnncompare.errors import ConfigError, closest
from cnncompare.report.answer import table_titles
from cnncompare.report.column import Column
from cnncompare.report.columns import result_columns
from cnncompare.report.folds import count_repetitions, repetition_noun
from cnncompare.report.formatting import (
    NEEDS_A_THIRD_SEED,
    difference_number,
    has_two_seeds,
    metric_number,
    pair_result,
    table_decimals,
)
from cnncompare.report.latex_layout import Cell, escaped, plain, tabular
from cnncompare.report.latex_methods import correction, methods, test_names
from cnncompare.stats.intervals import Interval
from cnncompare.terminal.formatting import UNKNOWN, p_value

MOST_PAIRS = 28  # in a table; of more, those with the best row
_RULES = r"""% Use \usepackage{booktabs} in the preamble; without it, rules are those of LaTeX.
\providecommand{\toprule}{\hline}
\providecommand{\midrule}{\hline}
\providecommand{\bottomrule}{\hline}
"""
_HEADS = {"model": "Model", "params": "Params (M)", "epoch_s": "Epoch (s)"}


def as_latex(comparison: Comparison, columns: tuple[str, ...] = ()) -> str:
    """Return the tables and the methods of each comparison; `columns` are keys of CSV's columns.

    Raises ConfigError for an unknown column.
    """
    blocks = [_RULES]
    labels: list[str] = []
    for title, table in zip(table_titles(comparison), comparison.tables, strict=True):
        label = _label(title, labels)
        blocks += [_results(table, title, label, comparison.options, columns)]
        blocks += [_pairs(table, title, label, comparison.options)] if table.pairs else []
        blocks += [methods(table)]
    return "\n".join(blocks)


def check_columns(comparison: Comparison, columns: tuple[str, ...]) -> None:
    """Raise ConfigError for a column that no table has."""
    options = comparison.options
    known = dict.fromkeys(
        column.key for table in comparison.tables for column in result_columns(table, options)
    )
    for key in columns:
        if SYNONYMS.get(key, key) not in known:
            raise ConfigError(
                f"--columns: there is no column {key}{closest(key, list(known))} "
                f"(columns: {', '.join(known)})"
            )


def _label(title: str, taken: list[str]) -> str:
    stem = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "results"
    label = stem if stem not in taken else f"{stem}-{len(taken) + 1}"
    taken.append(label)
    return f"tab:{label}"


def _results(
    table: ComparedTable, title: str, label: str, options: Options, keys: tuple[str, ...]
) -> str:
    columns = _chosen(table, options, keys)
    rows = [[_cell(c, row, table, options) for c in columns] for row in table.rows]
    heads = [_HEADS.get(c.key, "n" if c.key == _count_key(table) else c.title) for c in columns]
    heads = [head if head == "n" else head[0].upper() + head[1:] for head in heads]
    images = f"{table.protocol['n_test']:,} test images, " if table.protocol.get("n_test") else ""
    scope = f"{images}{count_repetitions(table)}"
    caption = f"Results on {title} ({scope}). {_meaning(table, options)}"
    return _environment(caption, label, tabular(heads, rows, [c.numeric for c in columns]))


def _count_key(table: ComparedTable) -> str:
    drawn = table.rows[0].resampling
    return "seeds" if drawn is None else drawn.method


def _chosen(table: ComparedTable, options: Options, keys: tuple[str, ...]) -> list[Column]:
    """Return the columns of the given keys in their order, without those the table lacks."""
    default = ("model", "params", "gmacs", options.metric.name, _count_key(table), "epoch_s")
    by_key = {column.key: column for column in result_columns(table, options)}
    wanted = [SYNONYMS.get(key, key) for key in keys or default]
    return [by_key[key] for key in dict.fromkeys(wanted) if key in by_key]


def _cell(column: Column, row: GroupRow, table: ComparedTable, options: Options) -> Cell:
    if column.key == options.metric.name:
        return _estimate(row, table, options)
    return plain(column.text(row))


def _estimate(row: GroupRow, table: ComparedTable, options: Options) -> Cell:
    r"""Return `94.9 $\pm$ 3.1` with the tie groups as a superscript."""
    metric, decimals = options.metric, table_decimals(table)
    estimate, mark = row.estimates[metric.name], _mark(row, table, options)
    mean = metric_number(estimate.mean, metric, decimals)
    superscript = rf"\textsuperscript{{{escaped(mark)}}}" if mark else ""
    if has_two_seeds(row):
        text = f"{mean} ({NEEDS_A_THIRD_SEED})"
        return Cell(text + superscript, text + mark)
    half = _half_width(estimate.mean, estimate.interval)
    if half is None:
        return Cell(escaped(mean) + superscript, mean + mark)
    width = difference_number(half, metric, decimals)
    return Cell(rf"{mean} $\pm$ {width}{superscript}", f"{mean} + {width}{mark}")


def _mark(row: GroupRow, table: ComparedTable, options: Options) -> str:
    """Return the row's letters; with a baseline, an asterisk for a significant difference."""
    if row.letters:
        return row.letters
    pairs = (
        p for p in table.pairs if options.baseline and {p.a, p.b} == {row.label, options.baseline}
    )
    return "*" if any(pair.significant for pair in pairs) else ""


def _half_width(mean: float | None, interval: Interval) -> float | None:
    """Return the longer side of the interval, which need not be symmetric."""
    if mean is None or interval.low is None or interval.high is None:
        return None
    return max(mean - interval.low, interval.high - mean)


def _meaning(table: ComparedTable, options: Options) -> str:
    """Return the caption's sentences on intervals, tests and their correction."""
    noun = repetition_noun(table)
    others = f"other {noun} and other images of the same kind"
    if table.single_runs:
        others = "other images of the same kind"
    sentences = [
        f"n: number of {noun}.",
    ]
    if not all(has_two_seeds(row) for row in table.rows):
        sentences += [f"PLUSMINUS: the longer side of the 95 % interval, for {others}."]
    if table.pairs:
        relation = "Networks with a common superscript are statistically tied"
        if options.baseline and not table.rows[0].letters:
            relation = f"Asterisk: significantly different from {options.baseline}"
        tests = f"{test_names(table)}, {correction(table)}"
        sentences += [f"{relation} ({tests})."]
    return " ".join(sentences)


def _pairs(table: ComparedTable, title: str, label: str, options: Options) -> str:
    best, pairs = table.rows[0].label, table.pairs
    selection = ""
    if len(pairs) > MOST_PAIRS:
        pairs = [pair for pair in pairs if best in (pair.a, pair.b)]
        selection = f" Of the {len(table.pairs)} pairs, those with {best}."
    unit = " in percentage points" if options.metric.percent else ""
    caption = (
        f"Pairwise differences on {title}: {options.metric.title} of a minus b{unit}, with the "
        f"pair's own 95 % interval, p by {test_names(table)} after {correction(table)}, and the "
        f"verdict on a.{selection}"
    )
    heads = ["a", "b", "Difference", "95 % interval", "p", "Verdict"]
    rows = [_pair(pair, table, options) for pair in pairs]
    numeric = [False, False, True, True, True, False]
    return _environment(caption, f"{label}-pairs", tabular(heads, rows, numeric))


def _pair(pair: Pair, table: ComparedTable, options: Options) -> list[Cell]:
    decimals = table_decimals(table)
    gap = difference_number(pair.difference, options.metric, decimals, signed=True)
    bounds = [difference_number(b, options.metric, decimals) for b in (pair.low, pair.high)]
    interval = UNKNOWN if UNKNOWN in bounds else " to ".join(bounds)
    texts = [pair.a, pair.b, gap, interval, p_value(pair.p_holm), pair_result(pair)]
    return [plain(text) for text in texts]


def _environment(caption: str, label: str, body: str) -> str:
    text = escaped(caption).replace("PLUSMINUS", r"$\pm$")
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering\sloppy",
            f"\\caption{{{text}}}",
            f"\\label{{{label}}}",
            r"\smallskip",
            body,
            r"\end{table}",
            "",
        ]
    )
