"""Figures of accuracy: its uncertainty, and its relation to each cost."""

from typing import Any

import altair as alt
import numpy as np

from cnncompare.comparison.compare import ComparedTable, GroupRow
from cnncompare.comparison.metrics import Metric
from cnncompare.comparison.pareto import ParetoFront
from cnncompare.language.catalogue import marked, tr
from cnncompare.plotting.render import Chart
from cnncompare.report.charts.figure import (
    VALUE_AXIS,
    Figure,
    Rows,
    asks_for_log,
    inline_data,
    model_colour,
    number_tooltip,
    text_tooltip,
    value_domain,
    value_scale,
)
from cnncompare.report.charts.labels import position_labels
from cnncompare.report.folds import repetition_noun
from cnncompare.terminal.formatting import enumeration, number

MILLION = 1e6
_TICKS = marked("Ticks: single runs. Rows with a common letter are statistically tied.")
_NARROWEST = 300  # px, of a plot on a phone, for which labels are placed
_HEIGHT = 340
_PADDING = 30  # px between the first dot and the axis
_DOT, _LARGEST = 5, 11  # px, radii of dots and of the largest bubble


def _scaled(value: float | None, metric: Metric) -> float | None:
    return None if value is None else value * (100 if metric.percent else 1)


def _axis_title(metric: Metric) -> str:
    return tr(metric.title) + (" (%)" if metric.percent else "")


def _estimates(table: ComparedTable, metric: Metric) -> Rows:
    """Return the numbers of the rows that have a value of the metric."""
    rows = [_estimate(row, metric) for row in table.rows]
    return [row for row in rows if row["value"] is not None]


def _estimate(row: GroupRow, metric: Metric) -> dict[str, Any]:
    estimate = row.estimates[metric.name]
    return {
        "model": row.label,
        "ties": row.letters,
        "value": _scaled(estimate.mean, metric),
        "low": _scaled(estimate.interval.low, metric),
        "high": _scaled(estimate.interval.high, metric),
        "seeds_low": _scaled(estimate.over_seeds.low, metric),
        "seeds_high": _scaled(estimate.over_seeds.high, metric),
        "runs": len(row.group.results),
    }


def accuracy_figure(table: ComparedTable, metric: Metric) -> Figure | None:
    """Draw the mean, the runs and the 95 % intervals of each row, best first."""
    rows = _estimates(table, metric)
    if not rows:
        return None
    values = "; ".join(f"{row['model']} {number(row['value'], '.2f')}" for row in rows)
    return Figure(
        "accuracy",
        tr("{metric} with 95 % intervals", metric=_capitalised(metric)),
        f"{_interval_note(table)} {tr(_TICKS)}",
        f"{_axis_title(metric)}: {values}",
        _interval_chart(rows, _runs(table, metric), metric),
        height=max(120, 38 * len(rows)),
    )


def _interval_note(table: ComparedTable) -> str:
    noun = repetition_noun(table)
    if noun != "seeds":
        message = marked("Intervals over {repetitions}, corrected for overlapping training sets.")
        return tr(message, repetitions=tr(noun))
    return tr(
        "Thin: interval over seeds and images (for one run, over images). Thick: over the seeds "
        "alone, for these images."
    )


def _capitalised(metric: Metric) -> str:
    title = tr(metric.title)
    return title[0].upper() + title[1:]


def _interval_chart(rows: Rows, runs: Rows, metric: Metric) -> Chart:
    order = [row["model"] for row in rows]
    y = alt.Y("model:N", sort=order, title=None, axis=alt.Axis(labelLimit=180))
    scale = _interval_scale(rows, runs, metric)
    x = alt.X("low:Q", title=_axis_title(metric), scale=scale, axis=VALUE_AXIS)
    colour = model_colour(order, legend=False)
    numbers = [
        number_tooltip("value", tr(metric.title)),
        number_tooltip("low"),
        number_tooltip("high"),
    ]
    tooltip = [text_tooltip("model:N"), text_tooltip("ties:N"), *numbers, text_tooltip("runs:Q")]
    base = alt.Chart(inline_data(rows)).encode(y=y)
    thin = base.mark_rule(strokeWidth=1.5).encode(
        x=x, x2=alt.X2("high:Q"), color=colour, tooltip=tooltip
    )
    thick = base.mark_rule(strokeWidth=4, opacity=0.6).encode(
        x=alt.X("seeds_low:Q"), x2=alt.X2("seeds_high:Q"), color=colour, tooltip=tooltip
    )
    dot = base.mark_point(filled=True, size=110).encode(
        x=alt.X("value:Q"), color=colour, tooltip=tooltip
    )
    letter = base.mark_text(dy=-12).encode(x=alt.X("value:Q"), text=alt.Text("ties:N"))
    ticks = (
        alt.Chart(inline_data(runs))
        .mark_tick(thickness=1.5, size=10, color="gray")
        .encode(
            x=alt.X("value:Q"),
            y=y,
            tooltip=[
                text_tooltip("model:N"),
                text_tooltip("seed:Q"),
                number_tooltip("value", tr(metric.title)),
            ],
        )
    )
    over_seeds = [thick] if any(row["seeds_low"] is not None for row in rows) else []
    return alt.layer(thin, *over_seeds, ticks, dot, letter)


def _interval_scale(rows: Rows, runs: Rows, metric: Metric) -> alt.Scale:
    keys = ("value", "low", "high", "seeds_low", "seeds_high")
    values = [row[key] for row in rows for key in keys if row[key] is not None]
    return value_scale([*values, *(run["value"] for run in runs)], percent=metric.percent)


def _runs(table: ComparedTable, metric: Metric) -> Rows:
    return [
        {"model": row.label, "seed": result.seed, "value": _scaled(value, metric)}
        for row in table.rows
        for result in row.group.results
        if (value := metric.per_run(result)) is not None
    ]


def pareto_figure(table: ComparedTable, front: ParetoFront, metric: Metric) -> Figure:
    """Draw accuracy by one cost, with the Pareto front as a line; by parameters, with GMACs."""
    by_rivals = marked("{model} by {rivals}")
    dominated = [
        tr(by_rivals, model=label, rivals=enumeration(by))
        for label, by in front.dominated_by.items()
    ]
    on_front = enumeration(front.front)
    rows = _front_rows(table, front, metric)
    bubbles = front.cost == "params" and all(row["gmacs"] for row in rows)
    texts = {"metric": tr(metric.title), "cost": tr(front.title), "models": on_front}
    caption = marked("Line: the Pareto front, of {models}. Names without room: in the tooltips.")
    if bubbles:
        caption = marked(
            "Line: the Pareto front, of {models}. Area of a dot: GMACs for one image. Names "
            "without room: in the tooltips."
        )
    return Figure(
        f"pareto-{front.cost.replace('_', '-')}",
        tr("{metric} by {cost}", **texts | {"metric": _capitalised(metric)}),
        tr(caption, **texts),
        tr(
            "Pareto front of {metric} by {cost}: {values}. On the front: {models}. Dominated: "
            "{dominated}.",
            values=_values_at_costs(rows),
            dominated="; ".join(dominated) or tr("none"),
            **texts,
        ),
        _pareto_chart(rows, front, table, metric, bubbles=bubbles),
        height=_HEIGHT,
        width=520,
        choice=tr(front.title),
    )


def _values_at_costs(rows: Rows) -> str:
    message = marked("{model} {value} at {cost:.3g}")
    return "; ".join(
        tr(message, model=row["model"], value=number(row["value"], ".2f"), cost=row["cost"])
        for row in rows
    )


def _front_rows(table: ComparedTable, front: ParetoFront, metric: Metric) -> Rows:
    rows = {row.label: row for row in table.rows}
    by = {label: enumeration(labels) for label, labels in front.dominated_by.items()}
    unit = MILLION if front.cost == "params" else 1
    return [
        {
            "model": label,
            "cost": cost / unit,
            "value": _scaled(rows[label].estimates[metric.name].mean, metric),
            "gmacs": (rows[label].model["macs"] or 0) / 1e9,
            "by": by.get(label, tr("none: on the front")),
            "on_front": label in front.front,
        }
        for label, cost in front.values.items()
    ]


def _pareto_chart(
    rows: Rows, front: ParetoFront, table: ComparedTable, metric: Metric, *, bubbles: bool
) -> Chart:
    x, y = _pareto_axes(rows, front, metric)
    tooltip = [
        text_tooltip("model:N"),
        number_tooltip("value", tr(metric.title)),
        number_tooltip("cost", tr(front.title), ".4~g"),
        number_tooltip("gmacs", tr("GMACs"), ".3~g"),
        text_tooltip("by:N", tr("dominated by")),
    ]
    on_front = [row for row in rows if row["on_front"]]

    def chart(members: Rows) -> alt.Chart:
        return alt.Chart(inline_data(members)).encode(x=x, y=y)

    line = chart(on_front).mark_line(
        interpolate="step-after", strokeDash=[4, 3], color="gray", point=False
    )
    colour = model_colour([row.label for row in table.rows], legend=False)
    dot = chart(rows).mark_point(filled=True, size=90, opacity=0.85)
    dot = dot.encode(color=colour, tooltip=tooltip)
    if bubbles:
        area = alt.Scale(range=[50, 4 * _LARGEST**2], zero=True)
        dot = dot.encode(size=alt.Size("gmacs:Q", scale=area, legend=None))
    named = [
        row for row in _with_labels(rows, metric, _LARGEST if bubbles else _DOT) if row["label"]
    ]
    return alt.layer(line, dot, *([_dot_names(chart(named))] if named else []))


def _dot_names(base: alt.Chart) -> alt.Chart:
    """Write each row's label where it was placed; those on the front in bold."""
    dx, dy, align = (alt.expr(f"datum.{key}") for key in ("dx", "dy", "align"))
    weight = alt.expr("datum.on_front ? 'bold' : 'normal'")
    marked = base.mark_text(fontSize=11, fontWeight=weight, dx=dx, dy=dy, align=align)
    names: alt.Chart = marked.encode(text=alt.Text("label:N"), color=alt.ColorValue("currentColor"))
    return names


def _with_labels(rows: Rows, metric: Metric, radius: int) -> Rows:
    """Return the rows with the positions of their labels; those on the front are placed first."""
    ordered = sorted(rows, key=lambda row: not row["on_front"])
    costs = np.array([row["cost"] for row in ordered], dtype=float)
    values = np.array([row["value"] for row in ordered], dtype=float)
    positions = np.log10(costs) if asks_for_log(costs.tolist()) else costs
    low, high = value_domain(values.tolist(), percent=metric.percent)
    span = np.ptp(positions) or 1.0
    x = _PADDING + (positions - positions.min()) / span * (_NARROWEST - 2 * _PADDING)
    y = (high - values) / (high - low) * _HEIGHT
    texts = [row["model"] for row in ordered]
    points = list(zip(x.tolist(), y.tolist(), strict=True))
    placed = position_labels(points, texts, _NARROWEST, radius)
    return [
        row | ({"label": text} | vars(at) if at else {"label": "", "dx": 0, "dy": 0, "align": ""})
        for row, text, at in zip(ordered, texts, placed, strict=True)
    ]


def _pareto_axes(rows: Rows, front: ParetoFront, metric: Metric) -> tuple[alt.X, alt.Y]:
    costs, values = [row["cost"] for row in rows], [row["value"] for row in rows]
    log = asks_for_log(costs)
    kind = {"type": "log", "nice": False} if log else {"zero": False}
    x = alt.X(
        "cost:Q",
        title=tr("{axis}, log", axis=tr(front.title)) if log else tr(front.title),
        scale=alt.Scale(padding=_PADDING, **kind),
        axis=alt.Axis(format=",~g", labelOverlap=True),
    )
    scale = value_scale(values, percent=metric.percent)
    return x, alt.Y("value:Q", title=_axis_title(metric), scale=scale)
