"""Results of benchmarks: a table for 80 columns, and the JSON of the suite; imports no torch."""

import json
from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from cnncompare.bench.rounds import BenchRow
from cnncompare.bench.suite.run_suite import SuiteResult
from cnncompare.terminal.console import make_console
from cnncompare.terminal.formatting import UNKNOWN, significant

CONTENTION_SHARE = 0.05  # of the CPU, in use by other programs, from which the user is warned


def suite_json(result: SuiteResult) -> str:
    """Return a JSON object with machine, settings and rows; values not measured are null."""
    rows = [_json_row(row) for row in result.rows]
    content = {"machine": result.machine, "settings": result.settings, "rows": rows}
    return json.dumps(content, indent=1) + "\n"


def _json_row(row: BenchRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "ours": row.ours,
        "other": row.other,
        "ratio": row.ratio,
        "ratio_low": row.ratio_low,
        "ratio_high": row.ratio_high,
        "n": row.n,
        "goal": None if row.goal is None else row.goal.value,
    }


def print_suite(result: SuiteResult) -> None:
    """Print the table, followed by data, machine and notes."""
    console = make_console()
    console.print(suite_table(result.rows))
    machine, settings = result.machine, result.settings
    console.print(
        "ratio: ours / other within a round; median, smallest and largest of n rounds",
        f"data: {settings['data']}",
        f"machine: {machine['cores']} cores, {machine['cpu']}, {machine['memory_gib']} GiB"
        + (f", {machine['gpu']}" if machine["gpu"] else ""),
        sep="\n",
        soft_wrap=True,
        markup=False,
    )
    for note in notes(result):
        console.print(note, soft_wrap=True, markup=False)


def suite_table(rows: Sequence[BenchRow]) -> Table:
    """Return a table of the rows that fits 80 columns."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    table.add_column("measurement, unit", max_width=26)
    for header in ("ours", "other", "ratio", "low-high", "n", "goal"):
        table.add_column(header, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for row in rows:
        goal = row.goal
        sign = {"at least": "≥", "at most": "≤"}[goal.sense] if goal else ""
        reached = {True: "yes", False: "no", None: UNKNOWN}[row.reached]
        add_row(table, row, f"{sign} {goal.value:g}" if goal else "", reached)
    return table


def throughput_table(rows: Sequence[BenchRow], other: str) -> Table:
    """Return a table of images/s, with a heading for the other side."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    table.add_column("images/s")
    for header in ("ours", other, "ratio", "low-high", "n"):
        table.add_column(header, justify="right")
    for row in rows:
        add_row(table, row)
    return table


def add_row(table: Table, row: BenchRow, *more_cells: str) -> None:
    """Add name, both sides, ratio, range and n, followed by further cells."""
    low, high = _ratio(row.ratio_low), _ratio(row.ratio_high)
    spread = UNKNOWN if row.ratio is None else f"{low}-{high}"
    ours, other = significant(row.ours), significant(row.other)
    table.add_row(row.name, ours, other, _ratio(row.ratio), spread, str(row.n), *more_cells)


def notes(result: SuiteResult) -> list[str]:
    """Return a line for each row that is empty or estimated, and a warning of contention."""
    lines = []
    for row in result.rows:
        if row.reason:
            lines.append(f"{row.name}: not measured: {row.reason}")
        if row.estimate:
            lines.append(f"{row.name}: estimated, not measured: {_estimate_text(row.estimate)}")
    measured = result.settings["rows"].values()
    share = max((row["other_cpu_share"] or 0.0 for row in measured), default=0.0)
    if share > CONTENTION_SHARE:
        lines.append(
            f"other programs used up to {share:.0%} of the CPU: repeat the benchmark without them"
        )
    return lines


def _estimate_text(estimate: dict[str, float | str]) -> str:
    return (
        f"other takes at least {estimate['other']:,.0f} s, {estimate['ratio']:.3g} times as long; "
        f"{estimate['how']}"
    )


def _ratio(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.2f}" if value < 10 else f"{value:.1f}"
