"""Figures of the training: accuracy and loss by epoch, and accuracy by time."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any, Literal

import altair as alt
import numpy as np

from cnncompare.comparison.compare import ComparedTable, GroupRow
from cnncompare.comparison.learning_curves import CurvePoint, learning_curve
from cnncompare.comparison.load import Result
from cnncompare.language.catalogue import marked, tr
from cnncompare.plotting.render import Chart
from cnncompare.report.charts.figure import (
    Figure,
    Rows,
    asks_for_log,
    inline_data,
    model_colour,
    model_selection,
    number_tooltip,
    selected_opacity,
    text_tooltip,
    value_domain,
)
from cnncompare.report.charts.labels import LINE, spread_labels
from cnncompare.report.folds import repetition_noun

TIMES = 60  # points of a curve over time
_HEIGHT = 320
_MOST_TICKS = 10
_Interpolation = Literal["linear", "step-after"]


@dataclass(frozen=True)
class _Quantity:
    """A column of epochs.csv, by split, on the axis of a chart."""

    name: str
    title: str
    columns: dict[str, str]
    percent: bool


_ACCURACY = _Quantity(
    "accuracy",
    marked("top-1 (%)"),
    {"validation": "val_acc1", "training": "train_acc1"},
    percent=True,
)
_LOSS = _Quantity(
    "loss", marked("loss"), {"validation": "val_loss", "training": "train_loss"}, percent=False
)


def epoch_curves(table: ComparedTable) -> Figure | None:
    """Draw the accuracy after each epoch, of training and validation, the mean over seeds."""
    return _by_epoch(table, _ACCURACY)


def loss_curves(table: ComparedTable) -> Figure | None:
    """Draw the loss after each epoch, of training and validation, the mean over seeds."""
    return _by_epoch(table, _LOSS)


def _by_epoch(table: ComparedTable, quantity: _Quantity) -> Figure | None:
    rows = [point for row in table.rows for point in _epoch_rows(row, quantity)]
    if not rows:
        return None
    both = {row["split"] for row in rows} == {"validation", "training"}
    strokes = tr("Thick: validation; thin: training.") + " " if both else ""
    title, alt_text = marked("Loss by epoch"), marked("Loss by epoch; at the end: {values}")
    if quantity.percent:
        title = marked("Accuracy by epoch")
        alt_text = marked("Accuracy by epoch; at the end: {values}")
    return Figure(
        f"{quantity.name}-epochs",
        tr(title),
        f"{strokes}{_band_note(table)}",
        tr(alt_text, values=_last_values(rows, quantity)),
        _curves(rows, _epoch_axis(rows), quantity, "linear"),
        height=_height(rows),
    )


def time_curves(table: ComparedTable) -> Figure | None:
    """Draw the best validation accuracy so far over the time spent."""
    rows = [point for row in table.rows for point in _by_time(row)]
    if not rows:
        return None
    log = asks_for_log([row["x"] for row in rows])
    title = tr("time of training and validation (s)")
    if log:
        title = tr("{axis}, log", axis=title)
    scale = alt.Scale(type="log", nice=False) if log else alt.Scale(zero=False)
    x = alt.X("x:Q", title=title, scale=scale, axis=alt.Axis(format=",~g", labelOverlap=True))
    last = _last_values(rows, _ACCURACY)
    return Figure(
        "accuracy-seconds",
        tr("Validation accuracy by time"),
        " ".join(
            (
                _band_note(table),
                tr("The best epoch so far counts."),
                tr("Dots lead from the end to the name."),
            )
        ),
        tr("Best validation top-1 by time; at the end: {values}", values=last),
        _curves(rows, x, _ACCURACY, "step-after"),
        height=_height(rows),
    )


def _height(rows: Rows) -> int:
    return max(_HEIGHT, (LINE + 1) * len({row["model"] for row in rows}))


def _band_note(table: ComparedTable) -> str:
    message = marked(
        "Mean over {repetitions}; band: one standard deviation. Click a curve or its name to "
        "highlight it."
    )
    return tr(message, repetitions=tr(repetition_noun(table)))


def _last_values(rows: Rows, quantity: _Quantity) -> str:
    last = {row["model"]: row["mean"] for row in rows if row["split"] == "validation"}
    spec = ".1f" if quantity.percent else ".3f"
    unit = " %" if quantity.percent else ""
    return "; ".join(f"{model} {value:{spec}}{unit}" for model, value in last.items())


def _epoch_rows(row: GroupRow, quantity: _Quantity) -> Rows:
    return [
        _band(row.label, epoch, values, quantity, split)
        for split, column in quantity.columns.items()
        for epoch, values in sorted(_values_by_epoch(row.group.results, column).items())
    ]


def _values_by_epoch(results: Sequence[Result], column: str) -> dict[int, list[float]]:
    by_epoch: dict[int, list[float]] = {}
    for result in results:
        for point in result.epochs:
            epoch, value = point.get("epoch"), point.get(column)
            if epoch is not None and value is not None and np.isfinite(value):
                by_epoch.setdefault(int(epoch), []).append(value)
    return by_epoch


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
        _band(row.label, t, [a for a in accuracies if a is not None], _ACCURACY, "validation")
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


def _band(
    label: str, x: float, values: list[float], quantity: _Quantity, split: str
) -> dict[str, Any]:
    factor = 100 if quantity.percent else 1
    mean = factor * fmean(values)
    sd = factor * stdev(values) if len(values) > 1 else 0.0
    return {
        "model": label,
        "split": split,
        "x": x,
        "mean": mean,
        "low": max(0.0, mean - sd),
        "high": min(100.0, mean + sd) if quantity.percent else mean + sd,
        "runs": len(values),
    }


def _epoch_axis(rows: Rows) -> alt.X:
    last = max(int(row["x"]) for row in rows)
    step = max(1, -(-last // _MOST_TICKS))
    ticks = sorted({1, *range(step, last + 1, step)})  # Vega would draw some between epochs
    scale = alt.Scale(domain=[min(row["x"] for row in rows), max(last, 2)], nice=False)
    return alt.X(
        "x:Q",
        title=tr("epoch"),
        scale=scale,
        axis=alt.Axis(values=ticks, format="d", labelFlush=False),
    )


def _curves(rows: Rows, x: alt.X, quantity: _Quantity, interpolate: _Interpolation) -> Chart:
    order = list(dict.fromkeys(row["model"] for row in rows))
    selection = model_selection()
    ends = [value for row in rows for value in (row["low"], row["high"])]
    domain = value_domain(ends, percent=quantity.percent)
    title = tr(quantity.title)
    if interpolate == "step-after":
        title = tr("validation {quantity}", quantity=title)
    scale = alt.Scale(domain=list(domain), nice=False)
    y = alt.Y("mean:Q", title=title, scale=scale)
    thick, thin = _of_split(rows, "validation"), _of_split(rows, "training")

    def line(members: Rows, width: float) -> alt.Chart:
        marked = _base(members, x, order).mark_line(strokeWidth=width, interpolate=interpolate)
        opacity = selected_opacity(selection, 1, 0.12)
        drawn: alt.Chart = marked.encode(y=y, tooltip=_tooltip(interpolate), opacity=opacity)
        return drawn

    band = _base(thick or thin, x, order).mark_area(interpolate=interpolate)
    band = band.encode(
        y=alt.Y("low:Q", title=title, scale=scale),
        y2=alt.Y2("high:Q"),
        opacity=selected_opacity(selection, 0.16, 0.03),
    )
    lines = [line(members, width) for members, width in ((thin, 1.0), (thick, 2.6)) if members]
    ends = _ends(thick or thin, domain)
    names = _names(ends, x, order, selection)
    return alt.layer(band, *lines, *_leaders(ends, x, order, selection), *names).add_params(
        selection
    )


def _of_split(rows: Rows, split: str) -> Rows:
    """Return the rows of a split, which is named in the language of the page."""
    return [row | {"split": tr(split)} for row in rows if row["split"] == split]


def _base(rows: Rows, x: alt.X, order: list[str]) -> alt.Chart:
    return alt.Chart(inline_data(rows)).encode(x=x, color=model_colour(order, legend=False))


def _tooltip(interpolate: _Interpolation) -> list[str | alt.Tooltip]:
    return [
        text_tooltip("model:N"),
        text_tooltip("split:N"),
        number_tooltip("x", tr("epoch") if interpolate == "linear" else tr("time (s)"), ".4~g"),
        number_tooltip("mean", spec=".4~g"),
        number_tooltip("low", tr("mean - sd"), ".4~g"),
        number_tooltip("high", tr("mean + sd"), ".4~g"),
        text_tooltip("runs:Q"),
    ]


def _ends(rows: Rows, domain: tuple[float, float]) -> Rows:
    """Return the last point of each model with the position of its name, apart from the others."""
    last = list({row["model"]: row for row in rows}.values())
    apart = spread_labels([row["mean"] for row in last], domain, _height(rows))
    right = max(row["x"] for row in last)
    return [row | {"label": at, "right": right} for row, at in zip(last, apart, strict=True)]


def _names(
    ends: Rows, x: alt.X, order: list[str], selection: alt.Parameter
) -> tuple[alt.Chart, alt.Chart]:
    """Draw a dot at the end of each line, and the names on the right, apart from each other."""
    dot = _base(ends, x, order).mark_point(filled=True, size=30).encode(y=alt.Y("mean:Q"))
    name = alt.Chart(inline_data(ends)).mark_text(align="left", dx=8, fontSize=11)
    return dot, name.encode(
        x=_at_the_right(x),
        y=alt.Y("label:Q"),
        text=alt.Text("model:N"),
        color=alt.ColorValue("currentColor"),
        opacity=selected_opacity(selection, 1, 0.35),
    )


def _at_the_right(x: alt.X) -> alt.X:
    copy = x.copy()
    copy["shorthand"] = "right:Q"
    return copy


def _leaders(ends: Rows, x: alt.X, order: list[str], selection: alt.Parameter) -> list[alt.Chart]:
    """Draw dots from the ends of the shorter lines to their names, which other lines would hide."""
    shorter = [row for row in ends if row["x"] < row["right"]]
    if not shorter:
        return []
    rule = _base(shorter, x, order).mark_rule(strokeDash=[1, 4], strokeWidth=1.5)
    opacity = selected_opacity(selection, 0.8, 0.12)
    return [rule.encode(x2="right:Q", y=alt.Y("mean:Q"), y2="label:Q", opacity=opacity)]
