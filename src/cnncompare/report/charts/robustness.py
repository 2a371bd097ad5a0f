"""Figures of the accuracy on changed test images: the drop by severity."""

from collections.abc import Sequence

import altair as alt

from cnncompare.comparison.robustness import RobustnessRow, RobustnessTable
from cnncompare.plotting.render import Chart
from cnncompare.report.charts.figure import (
    Figure,
    Rows,
    inline_data,
    model_colour,
    model_selection,
    number_tooltip,
    selected_opacity,
)
from cnncompare.report.robustness import extent_of, title_of
from cnncompare.terminal.formatting import enumeration


def robustness_figures(tables: Sequence[RobustnessTable]) -> list[Figure]:
    """Return a figure for each set with two severities or more."""
    return [_figure(table) for table in tables if len(table.severities) > 1]


def _figure(table: RobustnessTable) -> Figure:
    rows = [point for row in table.rows for point in _points(row, table)]
    ends = [point for point in rows if point["severity"] == table.severities[-1]]
    lost = enumeration([f"{end['model']} {end['drop']:.1f}" for end in ends])
    return Figure(
        f"robustness-{table.suite}",
        f"{title_of(table)}, drop by severity",
        "Accuracy on clean images minus that on changed ones, the mean over the corruptions and "
        f"runs. {extent_of(table)}.",
        f"Drop at severity {table.severities[-1]} in percentage points: {lost}",
        _chart(rows, [row.label for row in table.rows], table.severities),
    )


def _points(row: RobustnessRow, table: RobustnessTable) -> Rows:
    means = [(severity, row.mean(severity=severity)) for severity in table.severities]
    return [
        {
            "model": row.label,
            "severity": severity,
            "accuracy": 100 * mean,
            "drop": 100 * (row.clean.mean - mean),
        }
        for severity, mean in means
        if mean is not None
    ]


def _chart(rows: Rows, labels: list[str], severities: list[int]) -> Chart:
    selection = model_selection()
    severity = alt.X(
        "severity:Q",
        title="severity",
        axis=alt.Axis(values=severities, format="d"),
        scale=alt.Scale(domain=[severities[0], severities[-1]], padding=12),
    )
    base = alt.Chart(inline_data(rows)).encode(x=severity, color=model_colour(labels))
    line: alt.Chart = base.mark_line(strokeWidth=2.2, point=alt.OverlayMarkDef(size=30)).encode(
        y=alt.Y("drop:Q", title="drop of top-1 (percentage points)"),
        tooltip=[
            alt.Tooltip("model:N"),
            alt.Tooltip("severity:Q"),
            number_tooltip("drop", spec=".2f"),
            number_tooltip("accuracy", spec=".2f"),
        ],
        opacity=selected_opacity(selection, 1, 0.12),
    )
    return line.add_params(selection)
