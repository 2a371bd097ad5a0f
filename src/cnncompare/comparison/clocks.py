"""Clocks: the machines on which seconds were measured, which are compared only within one."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from cnncompare.comparison.grouping import Group
from cnncompare.comparison.machine import clock_of

TIMES = (
    "epoch_s",
    "total_s",
    "latency_ms",
    "seconds",
)  # costs and budgets that depend on the machine


def main_clock(groups: Sequence[Group]) -> str:
    """Return the clock of the most runs."""
    return Counter(clock_of(r) for g in groups for r in g.results).most_common(1)[0][0]


def timed_group(group: Group, clock: str) -> Group:
    """Return the group's runs of `clock`; where it has none, those of its own main clock."""
    own = clock if any(clock_of(r) == clock for r in group.results) else main_clock([group])
    return replace(group, results=[r for r in group.results if clock_of(r) == own])


def groups_on(groups: Sequence[Group], clock: str) -> list[Group]:
    """Return the groups that have runs of `clock`, with these runs."""
    timed = [timed_group(group, clock) for group in groups]
    return [group for group in timed if clock_of(group.results[0]) == clock]
