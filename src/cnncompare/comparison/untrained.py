"""Runs whose training failed: they have no rank, enter no test and are listed apart."""

from dataclasses import replace

import numpy as np

from cnncompare.comparison.grouping import Group, Table
from cnncompare.comparison.load import Result, Skipped

# Other checks weaken a result; with these it is none.
FATAL_CHECKS = ("diverged", "at_chance")


def failure_of(result: Result) -> str | None:
    """Return the evidence that the run did not train, None if it did."""
    if result.record.status == "failed" and result.record.error is not None:
        return result.record.error.message
    if result.training is None:
        return None
    findings = [f for f in result.training.health if f.check in FATAL_CHECKS]
    return findings[0].evidence if findings else None


def separate_untrained(group: Group) -> tuple[Group | None, list[Result], str]:
    """Return the group without the runs that did not train, these, and the first's evidence.

    The group is None if no run is left.
    """
    reasons = [
        (result, failure_of(result) or _at_chance(result, group)) for result in group.results
    ]
    untrained = [(result, reason) for result, reason in reasons if reason]
    trained = [result for result, reason in reasons if not reason]
    kept = replace(group, results=trained) if trained else None
    return kept, [result for result, _ in untrained], untrained[0][1] if untrained else ""


def _at_chance(result: Result, group: Group) -> str:
    """Return the evidence that the run ended at chance although other seeds did not."""
    accuracy, outcome = result.record.test.acc1, result.outcome
    others = [r.record.test.acc1 or 0.0 for r in group.results]
    if accuracy is None or outcome is None or result.training is None or result.training.health:
        return ""
    counts = np.bincount(outcome.label)
    largest, n = float(counts.max()) / counts.sum(), int(counts.sum())
    bound = largest + 3 * (largest * (1 - largest) / n) ** 0.5
    if accuracy > bound or max(others) < 2 * bound:
        return ""
    return f"seed {result.seed} ended at chance, test top-1 {100 * accuracy:.1f} %"


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
            if result.record.status != "failed"  # which is listed already
        ]
    return kept, skipped
