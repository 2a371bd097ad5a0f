"""Accuracy with its uncertainty, and against what it costs."""

from typing import Any

import altair as alt

from cnncompare.comparison.compare import ComparedTable, GroupRow
from cnncompare.comparison.metrics import Metric
from cnncompare.comparison.pareto import ParetoFront
from cnncompare.report.charts.figure import Picture, Rows, colour, values
from cnncompare.report.formatting import listed


def _scaled(value: float | None, metric: Metric) -> float | None:
    return None if value is None else value * (100 if metric.percent else 1)


def _title(metric: Metric) -> str:
    return metric.title + (", %" if metric.percent else "")


def _base(row: GroupRow, metric: Metric) -> dict[str, Any]:
    found = row.estimates[metric.name]
    return {
        "model": row.label,
        "ties": row.letters,
        "value": _scaled(found.mean, metric),
        "low": _scaled(found.interval.low, metric),
        "high": _scaled(found.interval.high, metric),
        "wide_low": _scaled(found.with_images.low, metric),
        "wide_high": _scaled(found.with_images.high, metric),
        "seeds": len(row.group.results),
        "params": row.model["params"],
        "gmacs": None if row.model["macs"] is None else row.model["macs"] / 1e9,
        "epoch_s": row.timing["epoch_s"],
    }


def intervals(table: ComparedTable, metric: Metric) -> Picture | None:
    """Draw each row's mean, its runs and its 95 % interval, best first."""
    rows = [_base(row, metric) for row in table.rows]
    rows = [row for row in rows if row["value"] is not None]
    if not rows:
        return None
    order = [row["model"] for row in rows]
    y = alt.Y("model:N", sort=order, title=None, axis=alt.Axis(labelLimit=180))
    x = alt.X("low:Q", title=_title(metric), scale=alt.Scale(zero=False))
    base = alt.Chart(values(rows))
    tip = [
        *("model:N", "ties:N"),
        *(alt.Tooltip(f"{k}:Q", format=".4~f") for k in ("value", "low", "high")),
        "seeds:Q",
    ]
    bar = base.mark_rule(strokeWidth=3).encode(
        x=x, x2="high:Q", y=y, color=colour(order, legend=False), tooltip=tip
    )
    wide = base.mark_rule(strokeWidth=1, strokeDash=[3, 3], color="gray").encode(
        x=alt.X("wide_low:Q"), x2="wide_high:Q", y=y
    )
    dot = base.mark_point(filled=True, size=110).encode(
        x="value:Q", y=y, color=colour(order, legend=False), tooltip=tip
    )
    letter = base.mark_text(align="left", dx=9, dy=-9).encode(x="value:Q", y=y, text="ties:N")
    runs = (
        alt.Chart(values(_runs(table, metric)))
        .mark_tick(thickness=1.5, size=10, color="gray")
        .encode(
            x="value:Q", y=y, tooltip=["model:N", "seed:Q", alt.Tooltip("value:Q", format=".4~f")]
        )
    )
    chart = alt.layer(wide, bar, runs, dot, letter)
    return Picture(
        "accuracy",
        f"{metric.title.capitalize()} with its uncertainty",
        "Thick: 95 % interval over seeds (one run: over images). Dashed: over seeds and images "
        "together. Ticks: single runs. Rows that share a letter cannot be told apart.",
        f"{_title(metric)}: " + "; ".join(f"{r['model']} {r['value']:.2f}" for r in rows),
        chart,
        height=max(120, 38 * len(rows)),
    )


def _runs(table: ComparedTable, metric: Metric) -> Rows:
    return [
        {"model": row.label, "seed": result.seed, "value": _scaled(value, metric)}
        for row in table.rows
        for result in row.group.results
        if (value := metric.per_run(result)) is not None
    ]


def bubbles(table: ComparedTable, metric: Metric) -> Picture | None:
    """Draw the textbooks' picture: accuracy against parameters, the bubble's area the GMACs."""
    rows = [_base(row, metric) for row in table.rows]
    rows = [
        {**row, "params": row["params"] / 1e6}
        for row in rows
        if row["value"] is not None and row["params"]
    ]
    if not rows:
        return None
    order = [row["model"] for row in rows]
    x = alt.X(
        "params:Q", title="parameters, millions (log)", scale=alt.Scale(type="log", padding=40)
    )
    y = alt.Y("value:Q", title=_title(metric), scale=alt.Scale(zero=False, padding=30))
    tip = [
        "model:N",
        alt.Tooltip("value:Q", title=metric.title, format=".4~f"),
        alt.Tooltip("params:Q", title="parameters, M", format=".3~f"),
        alt.Tooltip("gmacs:Q", format=".3~f"),
    ]
    base = alt.Chart(values(rows)).encode(x=x, y=y)
    size = alt.Size(
        "gmacs:Q", title="GMACs", scale=alt.Scale(range=[80, 1800], zero=True), legend=None
    )
    bubble = base.mark_circle(opacity=0.75).encode(
        size=size, color=colour(order, legend=False), tooltip=tip
    )
    name = base.mark_text(dy=-16, fontWeight="bold").encode(text="model:N", tooltip=tip)
    error = base.mark_rule().encode(
        y=alt.Y("low:Q"), y2="high:Q", color=colour(order, legend=False)
    )
    return Picture(
        "accuracy-parameters",
        f"{metric.title.capitalize()} against parameters",
        "The bubble's area is the work for one image (GMACs); the line is the 95 % interval.",
        f"{_title(metric)} against millions of parameters: "
        + "; ".join(f"{r['model']} {r['value']:.2f} at {r['params']:.3g}" for r in rows),
        alt.layer(error, bubble, name),
    )


def pareto(table: ComparedTable, front: ParetoFront, metric: Metric) -> Picture:
    """Draw accuracy against one cost, the front as a line."""
    means = {row.label: row.estimates[metric.name].mean for row in table.rows}
    order = [row.label for row in table.rows]
    rows = [
        {
            "model": label,
            "cost": cost,
            "value": _scaled(means[label], metric),
            "by": listed(front.dominated_by[label])
            if label in front.dominated_by
            else "none: on the front",
        }
        for label, cost in front.values.items()
    ]
    line = [row for row in rows if row["model"] in front.front]
    low, high = min(front.values.values()), max(front.values.values())
    log = low > 0 and high / low >= 10
    x = alt.X(
        "cost:Q",
        title=front.title + (" (log)" if log else ""),
        scale=alt.Scale(type="log", padding=30) if log else alt.Scale(zero=False, padding=30),
        axis=alt.Axis(format="~s" if front.cost == "params" else ",~f"),
    )
    y = alt.Y("value:Q", title=_title(metric), scale=alt.Scale(zero=False, padding=20))
    tip = [
        "model:N",
        alt.Tooltip("value:Q", title=metric.title, format=".4~f"),
        alt.Tooltip("cost:Q", title=front.title, format=".4~g"),
        alt.Tooltip("by:N", title="dominated by"),
    ]
    step = (
        alt.Chart(values(line))
        .mark_line(interpolate="step-after", strokeDash=[4, 3], color="gray")
        .encode(x=x, y=y)
    )
    dots = (
        alt.Chart(values(rows))
        .mark_point(filled=True, size=90)
        .encode(x=x, y=y, color=colour(order, legend=False), tooltip=tip)
    )
    names = [alt.Chart(values(line)).mark_text(dy=-11, fontSize=10, fontWeight="bold")]
    rest = [row for row in rows if row not in line]
    names += [alt.Chart(values(rest)).mark_text(dy=14, fontSize=9)] if rest else []
    names = [layer.encode(x=x, y=y, text="model:N", tooltip=tip) for layer in names]
    dominated = "; ".join(f"{a} by {listed(b)}" for a, b in front.dominated_by.items()) or "none"
    return Picture(
        f"pareto-{front.cost.replace('_', '-')}",
        f"Against {front.title}",
        f"On the front: {listed(front.front)}.",
        f"Pareto front of {metric.title} against {front.title}. On it: {listed(front.front)}. "
        f"Dominated: {dominated}.",
        alt.layer(step, dots, *names),
        height=240,
        width=380,
    )
