"""How training went: accuracy against epochs and seconds, and where an epoch's time goes."""

from statistics import fmean, stdev
from typing import Any

import altair as alt
import numpy as np

from cnncompare.comparison.compare import ComparedTable, GroupRow
from cnncompare.comparison.learning_curves import CurvePoint, learning_curve
from cnncompare.report.charts.figure import (
    TRAIN,
    VAL,
    WAIT,
    Picture,
    Rows,
    colour,
    faded,
    toggled,
    values,
)

GRID = 60  # points of a curve against seconds


def against_epochs(table: ComparedTable) -> Picture | None:
    """Draw validation accuracy after each epoch, the mean over seeds with its range."""
    rows = [point for row in table.rows for point in _by_epoch(row)]
    return _curves(table, rows, "epochs", "epoch", "epoch") if rows else None


def against_seconds(table: ComparedTable) -> Picture | None:
    """Draw the best validation accuracy so far against the seconds spent."""
    rows = [point for row in table.rows for point in _by_second(row)]
    return (
        _curves(table, rows, "seconds", "seconds of training and validation", "time")
        if rows
        else None
    )


def _by_epoch(row: GroupRow) -> Rows:
    found: dict[int, list[float]] = {}
    for result in row.group.results:
        for point in learning_curve(result):
            if point.val_acc1 is not None:
                found.setdefault(point.epoch, []).append(point.val_acc1)
    return [_band(row.label, epoch, accuracies) for epoch, accuracies in sorted(found.items())]


def _by_second(row: GroupRow) -> Rows:
    """Sample the runs' running best at common times, up to where the shortest ends."""
    curves = [points for result in row.group.results if (points := learning_curve(result))]
    if not curves:
        return []
    start = max(points[0].seconds for points in curves)
    end = max(start, min(points[-1].seconds for points in curves))
    times = np.unique(np.linspace(start, end, GRID))
    found = [(float(t), [_reached(points, float(t)) for points in curves]) for t in times]
    return [
        _band(row.label, t, [a for a in accs if a is not None]) for t, accs in found if any(accs)
    ]


def _reached(points: list[CurvePoint], seconds: float) -> float | None:
    known = [p.val_acc1 for p in points if p.seconds <= seconds + 1e-9 and p.val_acc1 is not None]
    return max(known, default=None)


def _band(label: str, x: float, accuracies: list[float]) -> dict[str, Any]:
    mean = 100 * fmean(accuracies)
    sd = 100 * stdev(accuracies) if len(accuracies) > 1 else 0.0
    return {
        "model": label,
        "x": x,
        "mean": mean,
        "low": max(0.0, mean - sd),
        "high": min(100.0, mean + sd),
        "seeds": len(accuracies),
    }


def _curves(table: ComparedTable, rows: Rows, name: str, title: str, word: str) -> Picture:
    order = [row.label for row in table.rows]
    pick, by_epoch = toggled(), name == "epochs"
    x = alt.X("x:Q", title=title, axis=alt.Axis(tickMinStep=1))
    y = alt.Y("mean:Q", title="validation top-1, %", scale=alt.Scale(zero=False))
    base = alt.Chart(values(rows)).encode(x=x)
    band = base.mark_area(interpolate="linear" if by_epoch else "step-after").encode(
        y=alt.Y("low:Q", title="validation top-1, %"),
        y2="high:Q",
        color=colour(order),
        opacity=alt.Opacity(condition={"param": pick.name, "value": 0.18}, value=0.03),
    )
    tip = [
        "model:N",
        alt.Tooltip("x:Q", title=word, format=".4~g"),
        alt.Tooltip("mean:Q", format=".2f"),
        alt.Tooltip("low:Q", title="mean - sd", format=".2f"),
        alt.Tooltip("high:Q", title="mean + sd", format=".2f"),
        "seeds:Q",
    ]

    mark = (
        base.mark_line(strokeWidth=2.2, point=alt.OverlayMarkDef(size=22))
        if by_epoch
        else base.mark_line(strokeWidth=2.2, interpolate="step-after")
    )
    line = mark.encode(
        y=y,
        color=colour(order),
        strokeDash=alt.StrokeDash("model:N", sort=order, legend=None),
        tooltip=tip,
        opacity=alt.Opacity(**faded(pick)),
    )
    last = {row["model"]: row["mean"] for row in rows}
    return Picture(
        f"accuracy-{name}",
        f"Accuracy against {name}",
        "Mean over seeds, the band one standard deviation either side. Click a name to see it alone"
        + ("." if by_epoch else "; the best epoch so far counts."),
        f"Validation top-1 against {name}; at the end: "
        + "; ".join(f"{k} {v:.1f} %" for k, v in last.items()),
        alt.layer(band, line).add_params(pick).interactive(bind_y=False),
    )


def epoch_time(table: ComparedTable) -> Picture | None:
    """Draw an epoch's seconds, split into training, waiting for data, and validation."""
    rows = [part for row in table.rows for part in _parts(row)]
    if not rows:
        return None
    order = list(dict.fromkeys(row["model"] for row in rows))
    kinds = ["training", "waiting for data", "validation"]
    scale = alt.Scale(domain=kinds, range=[TRAIN, WAIT, VAL])
    chart = (
        alt.Chart(values(rows))
        .mark_bar()
        .encode(
            x=alt.X("seconds:Q", title="seconds of one epoch, median", stack="zero"),
            y=alt.Y("model:N", sort=order, title=None, axis=alt.Axis(labelLimit=180)),
            color=alt.Color("part:N", scale=scale, title=None, legend=alt.Legend(orient="bottom")),
            order=alt.Order("rank:Q"),
            tooltip=["model:N", "part:N", alt.Tooltip("seconds:Q", format=".3~f")],
        )
    )
    return Picture(
        "epoch-time",
        "Where an epoch's time goes",
        "Training without its waiting, the waiting for data, and validation, on separate clocks.",
        "Seconds of one epoch: "
        + "; ".join(f"{r['model']}: {r['part']} {r['seconds']:.2f}" for r in rows),
        chart,
        height=max(120, 34 * len(order)),
    )


def _parts(row: GroupRow) -> Rows:
    timing = row.timing
    train, wait, val = timing["train_s"], timing["data_wait_s"], timing["val_s"]
    if train is None:
        return []
    parts = [("training", train - (wait or 0.0)), ("waiting for data", wait), ("validation", val)]
    return [
        {"model": row.label, "part": part, "seconds": max(0.0, s), "rank": rank}
        for rank, (part, s) in enumerate(parts)
        if s is not None
    ]
