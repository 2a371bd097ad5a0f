"""Tie groups: a compact letter display, models that share a letter cannot be told apart."""

from collections.abc import Set


def compact_letter_display(ranked: list[str], different: Set[frozenset[str]]) -> dict[str, str]:
    """Return each label's letters; "a" goes to the best of `ranked` (labels, best first).

    Two labels share a letter exactly when their pair is not in `different`. After "z" follow
    "aa", "ab", ..., separated by commas. Source: Piepho 2004; his columns are the maximal sets of
    tied labels, found here label by label.
    """
    columns: list[frozenset[str]] = []
    for label in ranked:
        tied = [
            {other for other in c if frozenset((label, other)) not in different} for c in columns
        ]
        joined = [frozenset((*column, label)) for column in tied] or [frozenset((label,))]
        columns = _absorb([*columns, *joined])
    columns.sort(key=lambda column: sorted(map(ranked.index, column)))
    join = "" if len(columns) <= 26 else ","
    names = {column: _name(i) for i, column in enumerate(columns)}
    return {label: join.join(names[c] for c in columns if label in c) for label in ranked}


def _absorb(columns: list[frozenset[str]]) -> list[frozenset[str]]:
    unique = list(dict.fromkeys(columns))
    return [column for column in unique if not any(column < other for other in unique)]


def _name(i: int) -> str:
    return chr(ord("a") + i) if i < 26 else _name(i // 26 - 1) + _name(i % 26)
