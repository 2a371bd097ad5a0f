"""The bench's results: a table for 80 columns, and the JSON of the contract; no torch."""

import json
from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from cnncompare.bench.rounds import Row
from cnncompare.bench.suite.run_suite import Result
from cnncompare.terminal.console import make_console
from cnncompare.terminal.formatting import UNKNOWN, significant


def as_json(result: Result) -> str:
    """Return one JSON object: machine, settings, rows; what was not measured is null."""
    rows = [_plain(row) for row in result.rows]
    whole = {"machine": result.machine, "settings": result.settings, "rows": rows}
    return json.dumps(whole, indent=1) + "\n"


def _plain(row: Row) -> dict[str, Any]:
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


def print_result(result: Result) -> None:
    """Print the table, and below it what it was measured with and why a row is empty."""
    console = make_console()
    console.print(table(result.rows))
    machine, settings = result.machine, result.settings
    console.print(
        "ratio: ours / other of each round, the median, smallest and largest of n rounds",
        f"data: {settings['data']}",
        f"machine: {machine['cores']} cores, {machine['cpu']}, {machine['memory_gib']} GiB"
        + (f", {machine['gpu']}" if machine["gpu"] else ""),
        sep="\n",
        soft_wrap=True,
        markup=False,
    )
    for note in notes(result):
        console.print(note, soft_wrap=True, markup=False)


def table(rows: Sequence[Row]) -> Table:
    """Return the rows as a table that 80 columns hold."""
    shown = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    shown.add_column("what, unit", max_width=26)
    for header in ("ours", "other", "ratio", "low-high", "n", "goal"):
        shown.add_column(header, justify="right", no_wrap=True)
    shown.add_column("", no_wrap=True)
    for row in rows:
        goal = row.goal
        sign = {"at least": "≥", "at most": "≤"}[goal.sense] if goal else ""
        reached = {True: "yes", False: "no", None: UNKNOWN}[row.reached]
        add_row(shown, row, f"{sign} {goal.value:g}" if goal else "", reached)
    return shown


def add_row(table: Table, row: Row, *more: str) -> None:
    """Add name, both sides, ratio, spread and n, and what else there is to say."""
    low, high = _ratio(row.ratio_low), _ratio(row.ratio_high)
    spread = UNKNOWN if row.ratio is None else f"{low}-{high}"
    ours, other = significant(row.ours), significant(row.other)
    table.add_row(row.name, ours, other, _ratio(row.ratio), spread, str(row.n), *more)


def notes(result: Result) -> list[str]:
    """Return a line for each row that is empty or estimated, and one if the machine was busy."""
    lines = []
    for row in result.rows:
        if row.reason:
            lines.append(f"{row.name}: not measured: {row.reason}")
        if row.estimate:
            estimate = row.estimate
            lines.append(
                f"{row.name}: estimated, not measured: other at least {estimate['other']:,.0f} s, "
                f"{estimate['ratio']:.3g} times as long; {estimate['how']}"
            )
    shares = [how["other_cpu_share"] for how in result.settings["rows"].values()]
    if shares and max(shares) > 0.05:
        lines.append(f"other programs took up to {max(shares):.0%} of the CPU: repeat it alone")
    return lines


def _ratio(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.2f}" if value < 10 else f"{value:.1f}"
