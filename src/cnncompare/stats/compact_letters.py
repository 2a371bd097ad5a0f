"""Compact letter display of tie groups: labels that share a letter are statistically tied."""

from collections.abc import Mapping, Sequence, Set

_MOST_COLUMNS = 64  # of all maximal sets; more are reduced to a cover


def compact_letter_display(ranked: list[str], significant: Set[frozenset[str]]) -> dict[str, str]:
    """Return the letters of each label in `ranked` (best first); the best label gets "a".

    Two labels share a letter if and only if their pair is not in `significant`. The letters after
    "z" are "aa", "ab", ..., and are then separated by commas. Source: Piepho 2004. The columns of
    his display are the maximal sets of tied labels. Their number can grow exponentially with that
    of the labels; if there are more than 64, enough of them are used that each tied pair is in one.
    """
    tied = {
        label: {other for other in ranked if frozenset((label, other)) not in significant}
        for label in ranked
    }
    columns = _all_maximal(ranked, tied) or _cover(ranked, tied)
    columns.sort(key=lambda column: sorted(map(ranked.index, column)))
    separator = "" if len(columns) <= 26 else ","
    letters = {column: _letter(i) for i, column in enumerate(columns)}
    return {label: separator.join(letters[c] for c in columns if label in c) for label in ranked}


def _all_maximal(
    ranked: Sequence[str], tied: Mapping[str, Set[str]]
) -> list[frozenset[str]] | None:
    """Return the maximal sets of tied labels, adding one label at a time; None for too many."""
    columns: list[frozenset[str]] = []
    for label in ranked:
        extended = [frozenset((*(column & tied[label]), label)) for column in columns]
        columns = _maximal([*columns, *(extended or [frozenset((label,))])])
        if len(columns) > _MOST_COLUMNS:
            return None
    return columns


def _maximal(columns: list[frozenset[str]]) -> list[frozenset[str]]:
    unique = list(dict.fromkeys(columns))
    return [column for column in unique if not any(column < other for other in unique)]


def _cover(ranked: Sequence[str], tied: Mapping[str, Set[str]]) -> list[frozenset[str]]:
    """Return maximal sets of tied labels, at most one for each tied pair, that cover all pairs.

    Each set starts from a pair that is in none yet, and grows by the label that adds most pairs.
    """
    missing = {label: set(tied[label]) for label in ranked}  # a label is tied with itself
    columns = []
    for label in ranked:
        while missing[label]:
            partner = min(missing[label], key=ranked.index)
            column = {label, partner}
            while candidates := [c for c in ranked if c not in column and column <= tied[c]]:
                column.add(max(candidates, key=lambda c: len(missing[c] & column)))
            for member in column:
                missing[member] -= column
            columns.append(frozenset(column))
    return columns


def _letter(i: int) -> str:
    return chr(ord("a") + i) if i < 26 else _letter(i // 26 - 1) + _letter(i % 26)
