"""The sentence on looks at a growing set of runs."""

from cnncompare.comparison.compare import ComparedTable
from cnncompare.report.formatting import first_names
from cnncompare.terminal.formatting import enumeration


def looks_note(table: ComparedTable) -> list[str]:
    """State that the tests allow for looks before seeds were added."""
    if table.unfinished:
        return [_unfinished_plan(table)]
    looks = max((pair.looks for pair in table.pairs), default=0)
    if not looks:
        return []
    times = "a report" if looks == 1 else f"{looks} reports"
    return [
        f"Seeds were added after {times}, so the tests are those that allow for looking; if the "
        "number of seeds was fixed before, --planned-seeds N keeps the sharper ones."
    ]


def _unfinished_plan(table: ComparedTable) -> str:
    """State that more seeds were planned than there are."""
    missing = sorted(table.unfinished.items(), key=lambda item: item[1])
    found = enumeration(first_names([f"{label} has {n}" for label, n in missing]))
    plan = f"The plan is not finished (--planned-seeds {table.planned_seeds})"
    return f"{plan}: {found}. Until then, the tests are those that allow for looking."
