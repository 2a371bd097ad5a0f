"""The sentence on looks at a growing set of runs."""

from cnncompare.comparison.compare import ComparedTable
from cnncompare.language.catalogue import marked, tr, trn
from cnncompare.report.formatting import first_names
from cnncompare.terminal.formatting import enumeration


def looks_note(table: ComparedTable) -> list[str]:
    """State that the tests allow for looks before seeds were added."""
    if table.unfinished:
        return [_unfinished_plan(table)]
    looks = max((pair.looks for pair in table.pairs), default=0)
    if not looks:
        return []
    return [
        trn(
            "Seeds were added after a report, so the tests are those that allow for looking; if "
            "the number of seeds was fixed before, --planned-seeds N keeps the sharper ones.",
            "Seeds were added after {n} reports, so the tests are those that allow for looking; if "
            "the number of seeds was fixed before, --planned-seeds N keeps the sharper ones.",
            looks,
        )
    ]


def _unfinished_plan(table: ComparedTable) -> str:
    """State that more seeds were planned than there are."""
    missing = sorted(table.unfinished.items(), key=lambda item: item[1])
    found = [tr("{model} has {seeds}", model=label, seeds=n) for label, n in missing]
    message = marked(
        "The plan is not finished (--planned-seeds {planned}): {found}. Until then, the tests are "
        "those that allow for looking."
    )
    return tr(message, planned=table.planned_seeds, found=enumeration(first_names(found)))
