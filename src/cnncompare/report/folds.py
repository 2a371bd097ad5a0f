"""Sentences on folds and repeated hold-outs."""

from cnncompare.comparison.compare import ComparedTable, GroupRow
from cnncompare.comparison.folds import GroupResampling
from cnncompare.language.catalogue import marked, tr, trn
from cnncompare.terminal.formatting import enumeration

_NOUNS = {"folds": "fold", "holdouts": "hold-out"}
_PLURALS = (marked("seeds"), marked("folds"), marked("hold-outs"))  # as in the middle of a text


def repetition_noun(table: ComparedTable) -> str:
    """Return the plural of what a row's values are averaged over: seeds, folds or hold-outs."""
    drawn = table.rows[0].resampling
    return "seeds" if drawn is None else f"{_NOUNS[drawn.method]}s"


def count_repetitions(table: ComparedTable) -> str:
    """Return how often each network was trained: "3 seeds", or "5 folds, 3 seeds each"."""
    drawn = table.rows[0].resampling
    if drawn is None:
        number, high = _range([len(row.group.results) for row in table.rows])
        return trn("{number} seed", "{number} seeds", high, number=number)
    number, high = _range([len(row.resampling.numbers) for row in table.rows if row.resampling])
    if drawn.method == "folds":
        folds = trn("{number} fold", "{number} folds", high, number=number)
    else:
        folds = trn("{number} hold-out", "{number} hold-outs", high, number=number)
    number, high = _range([len(row.group.seeds) for row in table.rows])
    if number == "1":
        return folds
    seeds = trn("{number} seed", "{number} seeds", high, number=number)
    return tr("{folds}, {seeds} each", folds=folds, seeds=seeds)


def _range(counts: list[int]) -> tuple[str, int]:
    """Return the range as text, and its upper end, which decides on the plural."""
    low, high = min(counts), max(counts)
    return str(low) if low == high else tr("{low} to {high}", low=low, high=high), high


def fold_notes(table: ComparedTable) -> list[str]:
    """Return sentences on what was tested and how folds or hold-outs are compared."""
    drawn = table.rows[0].resampling
    if drawn is None:
        return []
    notes = [_tested_sentence(table, drawn), *_incomplete(table)]
    if any(len(row.resampling.numbers) > 1 for row in table.rows if row.resampling):
        message = marked(
            "Intervals and tests over {repetitions} are corrected for overlapping training sets "
            "(Nadeau and Bengio 2003)."
        )
        notes.append(tr(message, repetitions=tr(repetition_noun(table))))
    return notes


def _tested_sentence(table: ComparedTable, drawn: GroupResampling) -> str:
    if drawn.method == "holdouts":
        share = f"{table.protocol.get('resampling')}".rpartition(" ")[2]
        return tr(
            "Each hold-out tests {share} % of all {n:,} images, drawn independently of the others.",
            share=f"{100 * float(share):.0f}",
            n=drawn.n_images,
        )
    counts = {"folds": drawn.count, "n": drawn.n_images}
    if any(row.resampling and not _is_complete(row.resampling) for row in table.rows):
        return tr("The {folds} folds divide all {n:,} images.", **counts)
    if any(len(row.group.seeds) > 1 for row in table.rows):
        return tr(
            "Each of the {n:,} images is tested once over the {folds} folds with each seed, and "
            "the accuracies are those of all predictions together.",
            **counts,
        )
    return tr(
        "Each of the {n:,} images is tested once over the {folds} folds, and the accuracies are "
        "those of all predictions together.",
        **counts,
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
    reason = tr("the test images of each fold are limited")
    if missing:
        names = enumeration(missing)
        reason = trn(
            "fold {folds} is missing", "folds {folds} are missing", len(missing), folds=names
        )
    return tr(
        "{model} was tested on {some:,} of {n:,} images: {reason}.",
        model=row.label,
        some=drawn.n_tested,
        n=drawn.n_images,
        reason=reason,
    )
