"""Sentences on folds and repeated hold-outs."""

from cnncompare.comparison.compare import ComparedTable, GroupRow
from cnncompare.comparison.folds import GroupResampling
from cnncompare.terminal.formatting import enumeration

_NOUNS = {"folds": "fold", "holdouts": "hold-out"}


def repetition_noun(table: ComparedTable) -> str:
    """Return the plural of what a row's values are averaged over: seeds, folds or hold-outs."""
    drawn = table.rows[0].resampling
    return "seeds" if drawn is None else f"{_NOUNS[drawn.method]}s"


def count_repetitions(table: ComparedTable) -> str:
    """Return how often each network was trained: "3 seeds", or "5 folds, 3 seeds each"."""
    seeds = _range([len(row.group.seeds) for row in table.rows])
    if table.rows[0].resampling is None:
        return _counted(_range([len(row.group.results) for row in table.rows]), "seed")
    numbers = [len(row.resampling.numbers) for row in table.rows if row.resampling]
    folds = _counted(_range(numbers), repetition_noun(table)[:-1])
    return folds if seeds == (1, 1) else f"{folds}, {_counted(seeds, 'seed')} each"


def _range(counts: list[int]) -> tuple[int, int]:
    return min(counts), max(counts)


def _counted(limits: tuple[int, int], noun: str) -> str:
    low, high = limits
    number = str(low) if low == high else f"{low} to {high}"
    return f"{number} {noun}{'s' * (high != 1)}"


def fold_notes(table: ComparedTable) -> list[str]:
    """Return sentences on what was tested and how folds or hold-outs are compared."""
    drawn = table.rows[0].resampling
    if drawn is None:
        return []
    notes = [_tested_sentence(table, drawn), *_incomplete(table)]
    if any(len(row.resampling.numbers) > 1 for row in table.rows if row.resampling):
        notes.append(
            f"Intervals and tests over {repetition_noun(table)} are corrected for overlapping "
            f"training sets (Nadeau and Bengio 2003)."
        )
    return notes


def _tested_sentence(table: ComparedTable, drawn: GroupResampling) -> str:
    if drawn.method == "holdouts":
        share = f"{table.protocol.get('resampling')}".rpartition(" ")[2]
        return (
            f"Each hold-out tests {float(share):.0%} of all {drawn.n_images:,} images, drawn "
            f"independently of the others.".replace("%", " %")
        )
    if any(row.resampling and not _is_complete(row.resampling) for row in table.rows):
        return f"The {drawn.count} folds divide all {drawn.n_images:,} images."
    per_seed = " with each seed" if any(len(row.group.seeds) > 1 for row in table.rows) else ""
    return (
        f"Each of the {drawn.n_images:,} images is tested once over the {drawn.count} folds"
        f"{per_seed}, and the accuracies are those of all predictions together."
    )


def _is_complete(drawn: GroupResampling) -> bool:
    return drawn.method == "holdouts" or drawn.n_tested == drawn.n_images


def _incomplete(table: ComparedTable) -> list[str]:
    """Return a sentence for each row that did not test every image."""
    return [_missing(row, row.resampling) for row in table.rows if _lacks_images(row.resampling)]


def _lacks_images(drawn: GroupResampling | None) -> bool:
    return drawn is not None and not _is_complete(drawn)


def _missing(row: GroupRow, drawn: GroupResampling | None) -> str:
    assert drawn is not None
    missing = [str(i) for i in range(1, (drawn.count or 0) + 1) if i not in drawn.numbers]
    reason = "the test images of each fold are limited"
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        reason = f"fold{'s' * (len(missing) > 1)} {enumeration(missing)} {verb} missing"
    return f"{row.label} was tested on {drawn.n_tested:,} of {drawn.n_images:,} images: {reason}."
