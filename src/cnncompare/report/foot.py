"""The foot of the page: its date, version, command, and the machines of the runs."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

import cnncompare
from cnncompare.comparison.compare import Comparison
from cnncompare.comparison.load import Result
from cnncompare.comparison.machine import clock_of
from cnncompare.language.catalogue import tr
from cnncompare.language.recorded import recorded
from cnncompare.terminal.formatting import enumeration

_MOST_MACHINES = 3


@dataclass(frozen=True)
class Foot:
    """The origin of a page."""

    date: str  # UTC, to the minute
    version: str
    machine: str  # of the runs
    software: str  # of the runs
    command: str


def foot(comparison: Comparison, command: str) -> Foot:
    """Return the foot of a page that is written now."""
    results = [r for table in comparison.tables for row in table.rows for r in row.group.results]
    machines = [recorded(machine) for machine in dict.fromkeys(map(clock_of, results))]
    more = len(machines) - _MOST_MACHINES
    named = machines if more <= 0 else [*machines[:_MOST_MACHINES], tr("{n} more", n=more)]
    return Foot(
        date=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        version=cnncompare.__version__,
        machine=re.sub(r"\b1 (thread|worker)s\b", r"1 \1", enumeration(named)),
        software=enumeration(list(dict.fromkeys(map(_software, results)))[:_MOST_MACHINES]),
        command=command,
    )


def _software(result: Result) -> str:
    used = result.record.environment
    if used is None:
        return tr("unknown versions")
    return f"cnncompare {used.cnncompare}, torch {used.torch}, {used.os}"
