"""Sentences and cells on accuracy on changed test images, for console and page."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cnncompare.comparison.pairs import Pair
from cnncompare.comparison.robustness import RobustnessRow, RobustnessTable
from cnncompare.comparison.robustness_scores import Score
from cnncompare.runs.robustness_file import CIFAR10_1, CIFAR10_C, GENERATED
from cnncompare.terminal.formatting import (
    UNKNOWN,
    accuracy_decimals,
    enumeration,
    integer,
    number,
    p_value,
    percentage,
)

TITLES = {
    GENERATED: "Robustness: corrupted test images",
    CIFAR10_C: "Robustness: CIFAR-10-C",
    CIFAR10_1: "Robustness: CIFAR-10.1",
}
ADJECTIVES = {GENERATED: "corrupted", CIFAR10_C: "corrupted", CIFAR10_1: "new"}


def title_of(table: RobustnessTable) -> str:
    """Return the heading of a table."""
    return TITLES[table.suite]


def extent_of(table: RobustnessTable) -> str:
    """Return the number of images, corruptions and severities."""
    images = f"{integer(table.n_images)} images"
    if table.n_images < table.n_set:
        images = f"{integer(table.n_images)} of {integer(table.n_set)} images"
    if table.suite == CIFAR10_1:
        return images
    corruptions, severities = len(table.corruptions), len(table.severities)
    return (
        f"{corruptions} corruption{'s' * (corruptions != 1)} x {severities} "
        f"severit{'y' if severities == 1 else 'ies'}, {images}"
    )


def robustness_findings(table: RobustnessTable) -> list[str]:
    """Return the findings: the best network on changed images, its drop, and pairs in doubt."""
    first, images = table.rows[0], f"{ADJECTIVES[table.suite]} images"
    decimals = decimals_of(table)
    sentences = [
        f"On {images}, {first.label} has the highest accuracy, "
        f"{percentage(first.corrupted.mean, decimals)} % "
        f"({percentage(first.clean.mean, decimals)} % on clean ones)."
    ]
    if len(table.rows) > 1:
        sentences += [_verdicts(table), _least_drop(table)]
        sentences += [_order(table)]
    return [sentence for sentence in sentences if sentence]


def _verdicts(table: RobustnessTable) -> str:
    """Return the verdicts on the pairs with the best network."""
    first = table.rows[0].label
    verdicts: dict[str, list[str]] = {"better": [], "same": [], "undecided": []}
    for pair in table.pairs["corrupted"]:
        if first in (pair.a, pair.b):
            verdicts[pair.verdict].append(pair.b if pair.a == first else pair.a)
    phrases = {
        "better": "significantly better than {}",
        "same": "practically the same as {}",
        "undecided": "statistically tied with {}",
    }
    found = [phrases[v].format(enumeration(names)) for v, names in verdicts.items() if names]
    return f"It is {enumeration(found)}." if found else ""


def _least_drop(table: RobustnessTable) -> str:
    ranked = sorted(table.rows, key=lambda row: row.drop.mean)
    least, most = ranked[0], ranked[-1]
    pair = next(p for p in table.pairs["drop"] if {p.a, p.b} == {least.label, most.label})
    text = (
        f"{least.label} loses least ({_points(least.drop.mean, table)} points), {most.label} most "
        f"({_points(most.drop.mean, table)})"
    )
    if pair.p_holm is None:
        return f"{text}."
    significant = "significant" if pair.significant else "not significant"
    return f"{text}; the difference of these drops is {significant} (p = {_p(pair)})."


def _order(table: RobustnessTable) -> str:
    by_clean = [row.label for row in sorted(table.rows, key=lambda r: -r.clean.mean)]
    if by_clean == [row.label for row in table.rows]:
        return "The order is that on clean images."
    return f"On clean images the order is {', '.join(by_clean)}."


def _p(pair: Pair) -> str:
    return p_value(pair.p_holm)


def _points(share: float, table: RobustnessTable) -> str:
    return number(100 * share, f".{decimals_of(table)}f")


def decimals_of(table: RobustnessTable) -> int:
    """Return the decimals of percentages."""
    return accuracy_decimals(table.n_images)


def score_cell(score: Score, table: RobustnessTable) -> tuple[str, str]:
    """Return a mean in percent and the bounds of its interval, "61.2" and "60.1 to 62.3"."""
    decimals = decimals_of(table)
    bounds = [
        number(None if b is None else 100 * b, f".{decimals}f") for b in (score.low, score.high)
    ]
    return _points(score.mean, table), UNKNOWN if UNKNOWN in bounds else " to ".join(bounds)


def row_cells(table: RobustnessTable) -> list[list[str]]:
    """Return, for each network, the cells of `heads_of`."""
    return [_cells(row, table) for row in table.rows]


def heads_of(table: RobustnessTable) -> list[str]:
    """Return the heads of the columns."""
    changed = ADJECTIVES[table.suite]
    return [
        *("network", "runs", "ties", "clean", "95 %", changed, "95 %", "drop", "95 %"),
        *("ECE clean", f"ECE {changed}"),
    ]


def _cells(row: RobustnessRow, table: RobustnessTable) -> list[str]:
    scores = [score_cell(score, table) for score in (row.clean, row.corrupted, row.drop)]
    ece = [number(row.ece[name], ".3f") for name in ("clean", "corrupted")]
    runs = str(len(row.group.results))
    return [row.label, runs, row.letters, *(text for pair in scores for text in pair), *ece]


def by_corruption(table: RobustnessTable) -> dict[str, Any]:
    """Return heads and rows of the accuracy by corruption and by severity, in percent."""
    names = [name.replace("_", " ") for name in table.corruptions]
    levels = [f"severity {severity}" for severity in table.severities]
    return {"heads": ["network", *names, *levels], "rows": [_means(r, table) for r in table.rows]}


def _means(row: RobustnessRow, table: RobustnessTable) -> list[str]:
    means = [row.mean(corruption=name) for name in table.corruptions]
    means += [row.mean(severity=severity) for severity in table.severities]
    return [row.label, *(percentage(mean, 1) for mean in means)]


def pair_cells(table: RobustnessTable) -> list[list[str]]:
    """Return a row for each pair: networks, difference, interval, p, verdict on changed images."""
    return [_pair(pair, table) for pair in table.pairs["corrupted"]]


PAIR_HEADS: Sequence[str] = ("a", "b", "difference", "95 %", "p (Holm)", "result")
_RESULTS = {"same": "practically the same", "undecided": "undecided"}


def _pair(pair: Pair, table: RobustnessTable) -> list[str]:
    spec = f"+.{decimals_of(table)}f"
    values = [
        number(None if value is None else 100 * value, spec)
        for value in (pair.difference, pair.low, pair.high)
    ]
    bounds = UNKNOWN if UNKNOWN in values[1:] else f"{values[1]} to {values[2]}"
    better = "a is better" if (pair.difference or 0) > 0 else "b is better"
    return [pair.a, pair.b, values[0], bounds, _p(pair), _RESULTS.get(pair.verdict, better)]


def robustness_section(table: RobustnessTable) -> dict[str, Any]:
    """Return the template's values of a set of changed images."""
    return {
        "title": title_of(table),
        "extent": extent_of(table),
        "findings": robustness_findings(table),
        "heads": heads_of(table),
        "rows": row_cells(table),
        "details": by_corruption(table),
        "pair_heads": PAIR_HEADS,
        "pairs": pair_cells(table),
        "left_out": [f"{Path(skip.path).name}: {skip.reason}" for skip in table.left_out],
    }
