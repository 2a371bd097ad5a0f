"""Figures of accuracy: its uncertainty, and its relation to parameters and other costs."""

from typing import Any

import altair as alt

from cnncompare.comparison.compare import ComparedTable, GroupRow
from cnncompare.comparison.metrics import Metric
from cnncompare.comparison.pareto import ParetoFront
from cnncompare.plotting.render import Chart
from cnncompare.report.charts.figure import (
    Figure,
    Rows,
    inline_data,
    model_colour,
    number_tooltip,
)
from cnncompare.report.folds import repetition_noun
from cnncompare.terminal.formatting import enumeration, number, significant

MILLION = 1e6


def _scaled(value: float | None, metric: Metric) -> float | None:
    return None if value is None else value * (100 if metric.percent else 1)


def _axis_title(metric: Metric) -> str:
    return metric.title + (" (%)" if metric.percent else "")


def _estimates(table: ComparedTable, metric: Metric) -> Rows:
    """Return the numbers of the rows that have a value of the metric."""
    rows = [_estimate(row, metric) for row in table.rows]
    return [row for row in rows if row["value"] is not None]


def _estimate(row: GroupRow, metric: Metric) -> dict[str, Any]:
    estimate, params, macs = row.estimates[metric.name], row.model["params"], row.model["macs"]
    return {
        "model": row.label,
        "ties": row.letters,
        "value": _scaled(estimate.mean, metric),
        "low": _scaled(estimate.interval.low, metric),
        "high": _scaled(estimate.interval.high, metric),
        "seeds_low": _scaled(estimate.over_seeds.low, metric),
        "seeds_high": _scaled(estimate.over_seeds.high, metric),
        "runs": len(row.group.results),
        "params": None if params is None else params / MILLION,
        "gmacs": None if macs is None else macs / 1e9,
    }


def accuracy_figure(table: ComparedTable, metric: Metric) -> Figure | None:
    """Draw the mean, the runs and the 95 % intervals of each row, best first."""
    rows = _estimates(table, metric)
    if not rows:
        return None
    values = "; ".join(f"{row['model']} {number(row['value'], '.2f')}" for row in rows)
    return Figure(
        "accuracy",
        f"{_capitalised(metric)} with 95 % intervals",
        f"{_interval_note(table)} Ticks: single runs. Rows with a common letter are statistically "
        "tied.",
        f"{_axis_title(metric)}: {values}",
        _interval_chart(rows, _runs(table, metric), metric),
        height=max(120, 38 * len(rows)),
    )


def _interval_note(table: ComparedTable) -> str:
    noun = repetition_noun(table)
    if noun != "seeds":
        return f"Intervals over {noun}, corrected for overlapping training sets."
    return (
        "Thin: interval over seeds and images (for one run, over images). Thick: over the seeds "
        "alone, for these images."
    )


def _capitalised(metric: Metric) -> str:
    return metric.title[0].upper() + metric.title[1:]


def _interval_chart(rows: Rows, runs: Rows, metric: Metric) -> Chart:
    order = [row["model"] for row in rows]
    y = alt.Y("model:N", sort=order, title=None, axis=alt.Axis(labelLimit=180))
    x = alt.X("low:Q", title=_axis_title(metric), scale=alt.Scale(zero=False))
    colour = model_colour(order, legend=False)
    numbers = [number_tooltip("value", metric.title), number_tooltip("low"), number_tooltip("high")]
    tooltip = ["model:N", "ties:N", *numbers, "runs:Q"]
    base = alt.Chart(inline_data(rows)).encode(y=y)
    thin = base.mark_rule(strokeWidth=1.5).encode(x=x, x2="high:Q", color=colour, tooltip=tooltip)
    thick = base.mark_rule(strokeWidth=4, opacity=0.6).encode(
        x=alt.X("seeds_low:Q"), x2="seeds_high:Q", color=colour, tooltip=tooltip
    )
    dot = base.mark_point(filled=True, size=110).encode(x="value:Q", color=colour, tooltip=tooltip)
    letter = base.mark_text(align="left", dx=9, dy=-9).encode(x="value:Q", text="ties:N")
    ticks = (
        alt.Chart(inline_data(runs))
        .mark_tick(thickness=1.5, size=10, color="gray")
        .encode(
            x="value:Q",
            y=y,
            tooltip=["model:N", "seed:Q", number_tooltip("value", metric.title)],
        )
    )
    over_seeds = [thick] if any(row["seeds_low"] is not None for row in rows) else []
    return alt.layer(thin, *over_seeds, ticks, dot, letter)


def _runs(table: ComparedTable, metric: Metric) -> Rows:
    return [
        {"model": row.label, "seed": result.seed, "value": _scaled(value, metric)}
        for row in table.rows
        for result in row.group.results
        if (value := metric.per_run(result)) is not None
    ]


def parameters_figure(table: ComparedTable, metric: Metric) -> Figure | None:
    """Draw the bubble chart of surveys: accuracy by parameters, with areas by GMACs."""
    rows = [row for row in _estimates(table, metric) if row["params"]]
    if not rows:
        return None
    values = "; ".join(
        f"{row['model']} {number(row['value'], '.2f')} at {significant(row['params'])}"
        for row in rows
    )
    return Figure(
        "accuracy-parameters",
        f"{_capitalised(metric)} by number of parameters",
        "Area of a bubble: GMACs for one image. Line: 95 % interval.",
        f"{_axis_title(metric)} by parameters (M): {values}",
        _bubble_chart(rows, metric),
    )


def _bubble_chart(rows: Rows, metric: Metric) -> Chart:
    colour = model_colour([row["model"] for row in rows], legend=False)
    base = alt.Chart(inline_data(rows)).encode(
        x=alt.X("params:Q", title="parameters (M), log", scale=alt.Scale(type="log", padding=40)),
        y=alt.Y(
            "value:Q",
            title=_axis_title(metric),
            scale=alt.Scale(zero=False, padding=30, nice=False),
        ),
    )
    tooltip = [
        "model:N",
        number_tooltip("value", metric.title),
        number_tooltip("params", "parameters (M)", ".3~g"),
        number_tooltip("gmacs", "GMACs", ".3~g"),
    ]
    size = alt.Size("gmacs:Q", scale=alt.Scale(range=[80, 1800], zero=True), legend=None)
    bubble = base.mark_circle(opacity=0.75).encode(size=size, color=colour, tooltip=tooltip)
    name = base.mark_text(dy=-16, fontWeight="bold").encode(text="model:N", tooltip=tooltip)
    interval = base.mark_rule().encode(y=alt.Y("low:Q"), y2="high:Q", color=colour)
    return alt.layer(interval, bubble, name)


def pareto_figure(table: ComparedTable, front: ParetoFront, metric: Metric) -> Figure:
    """Draw accuracy by one cost, with the Pareto front as a line."""
    dominated = [f"{label} by {enumeration(by)}" for label, by in front.dominated_by.items()]
    on_front = enumeration(front.front)
    return Figure(
        f"pareto-{front.cost.replace('_', '-')}",
        f"Pareto front by {front.title}",
        f"On the front: {on_front}.",
        f"Pareto front of {metric.title} by {front.title}. On the front: {on_front}. "
        f"Dominated: {'; '.join(dominated) or 'none'}.",
        _pareto_chart(_front_rows(table, front, metric), front, table, metric),
        height=240,
        width=380,
    )


def _front_rows(table: ComparedTable, front: ParetoFront, metric: Metric) -> Rows:
    means = {row.label: row.estimates[metric.name].mean for row in table.rows}
    by = {label: enumeration(labels) for label, labels in front.dominated_by.items()}
    unit = MILLION if front.cost == "params" else 1
    return [
        {
            "model": label,
            "cost": cost / unit,
            "value": _scaled(means[label], metric),
            "by": by.get(label, "none: on the front"),
            "on_front": label in front.front,
        }
        for label, cost in front.values.items()
    ]


def _pareto_chart(rows: Rows, front: ParetoFront, table: ComparedTable, metric: Metric) -> Chart:
    x, y = _pareto_axes(rows, front, metric)
    tooltip = [
        "model:N",
        number_tooltip("value", metric.title),
        number_tooltip("cost", front.title, ".4~g"),
        alt.Tooltip("by:N", title="dominated by"),
    ]
    on_front = [row for row in rows if row["on_front"]]
    others = [row for row in rows if not row["on_front"]]

    def chart(members: Rows) -> alt.Chart:
        return alt.Chart(inline_data(members)).encode(x=x, y=y)

    colour = model_colour([row.label for row in table.rows], legend=False)
    layers = [
        chart(on_front).mark_line(interpolate="step-after", strokeDash=[4, 3], color="gray"),
        chart(rows).mark_point(filled=True, size=90).encode(color=colour, tooltip=tooltip),
        chart(on_front)
        .mark_text(dy=-11, fontSize=10, fontWeight="bold")
        .encode(text="model:N", tooltip=tooltip),
    ]
    if others:  # a layer without data draws a warning
        names = chart(others).mark_text(dy=14, fontSize=9)
        layers.append(names.encode(text="model:N", tooltip=tooltip))
    return alt.layer(*layers)


def _pareto_axes(rows: Rows, front: ParetoFront, metric: Metric) -> tuple[alt.X, alt.Y]:
    costs = [row["cost"] for row in rows]
    log = min(costs) > 0 and max(costs) / min(costs) >= 10
    x = alt.X(
        "cost:Q",
        title=front.title + (", log" if log else ""),
        scale=alt.Scale(type="log", padding=30) if log else alt.Scale(zero=False, padding=30),
        axis=alt.Axis(format=",~f"),
    )
    y = alt.Y("value:Q", title=_axis_title(metric), scale=alt.Scale(zero=False, padding=20))
    return x, y
