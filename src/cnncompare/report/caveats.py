"""What weakens a table's numbers, in sentences."""

from collections.abc import Callable

from cnncompare.comparison.compare import ComparedTable, GroupRow
from cnncompare.report.formatting import listed


def caveats(table: ComparedTable) -> list[str]:
    """Return what weakens the table's numbers."""
    found = []
    if all(len(row.group.results) == 1 for row in table.rows) and len(table.rows) > 1:
        found.append(
            f"{'Given weights' if table.protocol.get('epochs') == 0 else 'One seed each'}: "
            "this is about these trained networks, not about training them again."
        )
    found += _rows_with(
        table,
        lambda r: r.fairness["protocol"] == "test_as_val",
        "chose the epoch on the test set: too high by that",
    )
    found += _rows_with(
        table, lambda r: r.fairness["test_reads"] > 1, "read the test set more than once"
    )
    found += _rows_with(
        table,
        lambda r: r.fairness["shared_clock"],
        "ran beside another run: the clocks were shared",
    )
    found += _disturbed(table, "busy_epochs", "Other programs used more than 10 % of the cores")
    found += _disturbed(table, "throttled_epochs", "The GPU slowed down, by power or heat,")
    found += [
        f"{row.label} departs from its weights' own transform: "
        f"{'; '.join(row.fairness['preprocessing_deviations'])}."
        for row in table.rows
        if row.fairness["preprocessing_deviations"]
    ]
    found += _noted(table)
    pretrained = [r.label for r in table.rows if r.fairness["pretrained"]]
    if pretrained and len(pretrained) < len(table.rows):
        found.append(f"Started from pretrained weights, unlike the others: {listed(pretrained)}.")
    return found


def _disturbed(table: ComparedTable, key: str, what: str) -> list[str]:
    """Return the rows with how many of their epochs were disturbed."""
    counts = [(row.label, *row.fairness[key]) for row in table.rows]
    rows = [f"{label} ({some} of {n})" for label, some, n in counts if some]
    if not rows:
        return []
    return [f"{what} during epochs whose seconds are thus too long: {listed(rows)}."]


def _noted(table: ComparedTable) -> list[str]:
    """Return what the rows' own test images are noted for, once each."""
    notes = dict.fromkeys(note for row in table.rows for note in row.fairness["notes"] or ())
    return [f"Test images: {note}." for note in notes]


def _rows_with(table: ComparedTable, holds: Callable[[GroupRow], bool], what: str) -> list[str]:
    labels = [row.label for row in table.rows if holds(row)]
    if not labels:
        return []
    who = "All rows" if len(labels) == len(table.rows) else listed(labels)
    return [f"{who} {what}."]
