"""Figures of the training: validation accuracy by epoch and time, and the time of an epoch."""

from statistics import fmean, stdev
from typing import Any

import altair as alt
import numpy as np

from cnncompare.comparison.compare import ComparedTable, GroupRow
from cnncompare.comparison.learning_curves import CurvePoint, learning_curve
from cnncompare.plotting.render import Chart
from cnncompare.report.charts.figure import (
    TRAIN_COLOUR,
    VAL_COLOUR,
    WAIT_COLOUR,
    Figure,
    Rows,
    inline_data,
    legend_selection,
    model_colour,
    number_tooltip,
    selected_opacity,
)
from cnncompare.report.folds import repetition_noun
from cnncompare.terminal.formatting import number

TIMES = 60  # points of a curve over time


def epoch_curves(table: ComparedTable) -> Figure | None:
    """Draw the validation accuracy after each epoch, the mean over seeds with its spread."""
    rows = [point for row in table.rows for point in _by_epoch(row)]
    if not rows:
        return None
    return Figure(
        "accuracy-epochs",
        "Validation accuracy by epoch",
        _band_note(table),
        f"Validation top-1 by epoch; at the end: {_last_values(rows)}",
        _curves(rows, _epoch_axis(rows), "linear"),
    )


def time_curves(table: ComparedTable) -> Figure | None:
    """Draw the best validation accuracy so far over the time spent."""
    rows = [point for row in table.rows for point in _by_time(row)]
    if not rows:
        return None
    return Figure(
        "accuracy-seconds",
        "Validation accuracy by time",
        f"{_band_note(table)} The best epoch so far counts.",
        f"Best validation top-1 by time; at the end: {_last_values(rows)}",
        _curves(rows, alt.X("x:Q", title="time of training and validation (s)"), "step-after"),
    )


def _band_note(table: ComparedTable) -> str:
    over = f"Mean over {repetition_noun(table)}; band: one standard deviation."
    return f"{over} Click a name to highlight its curve."


def _last_values(rows: Rows) -> str:
    last = {row["model"]: row["mean"] for row in rows}
    return "; ".join(f"{model} {value:.1f} %" for model, value in last.items())


def _by_epoch(row: GroupRow) -> Rows:
    by_epoch: dict[int, list[float]] = {}
    for result in row.group.results:
        for point in learning_curve(result):
            if point.val_acc1 is not None:
                by_epoch.setdefault(point.epoch, []).append(point.val_acc1)
    return [_band(row.label, epoch, accuracies) for epoch, accuracies in sorted(by_epoch.items())]


def _by_time(row: GroupRow) -> Rows:
    """Sample the runs' best accuracy so far at common times, up to the end of the shortest run."""
    curves = [points for result in row.group.results if (points := learning_curve(result))]
    if not curves:
        return []
    start = max(points[0].seconds for points in curves)
    end = max(start, min(points[-1].seconds for points in curves))
    times = [float(t) for t in np.unique(np.linspace(start, end, TIMES))]
    reached = [[_best_until(t, points) for points in curves] for t in times]
    return [
        _band(row.label, t, [a for a in accuracies if a is not None])
        for t, accuracies in zip(times, reached, strict=True)
        if any(accuracies)
    ]


def _best_until(seconds: float, points: list[CurvePoint]) -> float | None:
    accuracies = [
        point.val_acc1
        for point in points
        if point.seconds <= seconds + 1e-9 and point.val_acc1 is not None
    ]
    return max(accuracies, default=None)


def _band(label: str, x: float, accuracies: list[float]) -> dict[str, Any]:
    mean = 100 * fmean(accuracies)
    sd = 100 * stdev(accuracies) if len(accuracies) > 1 else 0.0
    return {
        "model": label,
        "x": x,
        "mean": mean,
        "low": max(0.0, mean - sd),
        "high": min(100.0, mean + sd),
        "runs": len(accuracies),
    }


def _epoch_axis(rows: Rows) -> alt.X:
    epochs = sorted({int(row["x"]) for row in rows})
    # for few epochs Vega would draw ticks between them
    axis = alt.Axis(values=epochs, format="d") if len(epochs) <= 10 else alt.Axis(tickMinStep=1)
    return alt.X("x:Q", title="epoch", axis=axis)


def _curves(rows: Rows, x: alt.X, interpolate: str) -> Chart:
    order = list(dict.fromkeys(row["model"] for row in rows))
    selection, y_title = legend_selection(), "validation top-1 (%)"
    base = alt.Chart(inline_data(rows)).encode(x=x, color=model_colour(order))
    band = base.mark_area(interpolate=interpolate).encode(  # type: ignore[arg-type]
        y=alt.Y("low:Q", title=y_title),
        y2="high:Q",
        opacity=selected_opacity(selection, 0.18, 0.03),
    )
    tooltip = [
        "model:N",
        number_tooltip("x", "epoch" if interpolate == "linear" else "time (s)", ".4~g"),
        number_tooltip("mean", spec=".2f"),
        number_tooltip("low", "mean - sd", ".2f"),
        number_tooltip("high", "mean + sd", ".2f"),
        "runs:Q",
    ]
    # an epoch is a point; over time, only the steps are measured
    point = alt.OverlayMarkDef(size=22) if interpolate == "linear" else False
    line = base.mark_line(strokeWidth=2.2, interpolate=interpolate, point=point).encode(  # type: ignore[arg-type]
        y=alt.Y("mean:Q", title=y_title, scale=alt.Scale(zero=False)),
        strokeDash=alt.StrokeDash("model:N", sort=order, legend=None),
        tooltip=tooltip,
        opacity=selected_opacity(selection, 1, 0.12),
    )
    return alt.layer(band, line).add_params(selection).interactive(bind_y=False)


def epoch_time_figure(table: ComparedTable) -> Figure | None:
    """Draw the time of an epoch, split into training, waiting for data, and validation."""
    rows = [phase for row in table.rows for phase in _phases(row)]
    if not rows:
        return None
    described = [f"{r['model']}: {r['phase']} {number(r['seconds'], '.2f')}" for r in rows]
    order = list(dict.fromkeys(row["model"] for row in rows))
    phases = ["training", "waiting for data", "validation"]
    scale = alt.Scale(domain=phases, range=[TRAIN_COLOUR, WAIT_COLOUR, VAL_COLOUR])
    legend = alt.Legend(orient="bottom")
    chart = alt.Chart(inline_data(rows)).mark_bar()
    return Figure(
        "epoch-time",
        "Time per epoch",
        "Training without waiting for data, waiting for data, and validation, timed separately.",
        f"Time per epoch (s): {'; '.join(described)}",
        chart.encode(
            x=alt.X("seconds:Q", title="epoch (s), median", stack="zero"),
            y=alt.Y("model:N", sort=order, title=None, axis=alt.Axis(labelLimit=180)),
            color=alt.Color("phase:N", scale=scale, title=None, legend=legend),
            order=alt.Order("rank:Q"),
            tooltip=["model:N", "phase:N", number_tooltip("seconds", spec=".3~f")],
        ),
        height=max(120, 34 * len(order)),
    )


def _phases(row: GroupRow) -> Rows:
    timing = row.timing
    train, wait, val = timing["train_s"], timing["data_wait_s"], timing["val_s"]
    if train is None:
        return []
    phases = [("training", train - (wait or 0.0)), ("waiting for data", wait), ("validation", val)]
    return [
        {"model": row.label, "phase": phase, "seconds": max(0.0, seconds), "rank": rank}
        for rank, (phase, seconds) in enumerate(phases)
        if seconds is not None
    ]
