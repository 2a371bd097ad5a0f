"""Runs whose training failed: they have no rank, enter no test and are listed apart."""

from dataclasses import replace

from cnncompare.comparison.grouping import Group, Table
from cnncompare.comparison.load import Result, Skipped

# Other checks weaken a result; with these it is none.
FATAL_CHECKS = ("diverged", "at_chance")


def failure_of(result: Result) -> str | None:
    """Return the evidence that the run did not train, None if it did."""
    if result.training is None:
        return None
    findings = [f for f in result.training.health if f.check in FATAL_CHECKS]
    return findings[0].evidence if findings else None


def separate_untrained(group: Group) -> tuple[Group | None, list[Result]]:
    """Return the group without the runs that did not train, None if none is left, and these."""
    untrained = [result for result in group.results if failure_of(result) is not None]
    trained = [result for result in group.results if failure_of(result) is None]
    return (replace(group, results=trained) if trained else None), untrained


def set_aside_untrained(tables: list[Table]) -> tuple[list[Table], list[Skipped]]:
    """Return the tables in which any run trained, and the runs of the others with the reason."""
    kept: list[Table] = []
    skipped: list[Skipped] = []
    for table in tables:
        results = [result for group in table.groups for result in group.results]
        if any(failure_of(result) is None for result in results):
            kept.append(table)
            continue
        skipped += [
            Skipped(str(result.run.folder), f"did not train: {failure_of(result)}")
            for result in results
        ]
    return kept, skipped
