"""Results of benchmarks: a table for 80 columns, and the JSON of the suite; imports no torch."""

import json
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from cnncompare.bench.rounds import BenchRow
from cnncompare.bench.suite.run_suite import SuiteResult
from cnncompare.system.tables import FittingColumn, fitting_table
from cnncompare.terminal.console import make_console
from cnncompare.terminal.formatting import UNKNOWN, significant

NARROW = (0, 1, 0, 0)  # padding of the cells
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
    console.print(suite_table(result.rows, console))
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


def suite_table(rows: Sequence[BenchRow], console: Console) -> Table:
    """Return a table of the rows that fits 80 columns, and narrower consoles without some."""
    goals = [row.goal for row in rows]
    signs = {"at least": "≥", "at most": "≤"}
    goal_texts = [f"{signs[goal.sense]} {goal.value:g}" if goal else "" for goal in goals]
    reached = [{True: "yes", False: "no", None: UNKNOWN}[row.reached] for row in rows]
    columns = [
        *row_columns("measurement, unit", rows),
        FittingColumn("goal", goal_texts, 1),
        FittingColumn("", reached, 1, justify="left"),
    ]
    return fitting_table(columns, console, padding=NARROW)


def throughput_table(rows: Sequence[BenchRow], other: str, console: Console) -> Table:
    """Return a table of images/s, with a heading for the other side."""
    return fitting_table(row_columns("images/s", rows, other), console, padding=NARROW)


def row_columns(title: str, rows: Sequence[BenchRow], other: str = "other") -> list[FittingColumn]:
    """Return the columns of name, both sides, ratio, range and n."""
    return [
        FittingColumn(title, [row.name for row in rows], justify="left", folds=True),
        FittingColumn("ours", [significant(row.ours) for row in rows]),
        FittingColumn(other, [significant(row.other) for row in rows]),
        FittingColumn("ratio", [_ratio(row.ratio) for row in rows]),
        FittingColumn("low-high", [_spread(row) for row in rows], 2),
        FittingColumn("n", [str(row.n) for row in rows], 3),
    ]


def _spread(row: BenchRow) -> str:
    return UNKNOWN if row.ratio is None else f"{_ratio(row.ratio_low)}-{_ratio(row.ratio_high)}"


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
