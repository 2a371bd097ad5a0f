"""Compact letter display of tie groups: labels that share a letter are statistically tied."""

from collections.abc import Set


def compact_letter_display(ranked: list[str], significant: Set[frozenset[str]]) -> dict[str, str]:
    """Return the letters of each label in `ranked` (best first); the best label gets "a".

    Two labels share a letter if and only if their pair is not in `significant`. The letters after
    "z" are "aa", "ab", ..., and are then separated by commas. Source: Piepho 2004. The columns of
    his display are the maximal sets of tied labels, built here by adding one label at a time.
    """
    columns: list[frozenset[str]] = []
    for label in ranked:
        tied = [
            {other for other in c if frozenset((label, other)) not in significant} for c in columns
        ]
        extended = [frozenset((*column, label)) for column in tied] or [frozenset((label,))]
        columns = _maximal([*columns, *extended])
    columns.sort(key=lambda column: sorted(map(ranked.index, column)))
    separator = "" if len(columns) <= 26 else ","
    letters = {column: _letter(i) for i, column in enumerate(columns)}
    return {label: separator.join(letters[c] for c in columns if label in c) for label in ranked}


def _maximal(columns: list[frozenset[str]]) -> list[frozenset[str]]:
    unique = list(dict.fromkeys(columns))
    return [column for column in unique if not any(column < other for other in unique)]


def _letter(i: int) -> str:
    return chr(ord("a") + i) if i < 26 else _letter(i // 26 - 1) + _letter(i % 26)
