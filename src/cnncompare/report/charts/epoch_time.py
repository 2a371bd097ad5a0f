"""The figure of the time of an epoch, by phase."""

from collections.abc import Callable

import altair as alt

from cnncompare.comparison.compare import ComparedTable, GroupRow
from cnncompare.language.catalogue import marked, tr
from cnncompare.plotting.render import Chart
from cnncompare.report.charts.figure import (
    Figure,
    Rows,
    asks_for_log,
    inline_data,
    number_tooltip,
    text_tooltip,
)

_PHASES = {
    marked("training"): "#0072B2",
    marked("waiting for data"): "#D55E00",
    marked("validation"): "#56B4E9",
}


def epoch_time_figure(table: ComparedTable) -> Figure | None:
    """Draw the time of an epoch and of its phases: training, waiting for data, and validation."""
    rows = [phase for row in table.rows for phase in _phases(row)]
    if not rows:
        return None
    described = [f"{r['model']}: {r['phase']} {r['seconds']:.2f}" for r in rows]
    order = list(dict.fromkeys(row["model"] for row in rows))
    totals = [sum(r["seconds"] for r in rows if r["model"] == model) for model in order]
    draw: Callable[[Rows, list[str]], Chart] = _phase_dots if asks_for_log(totals) else _phase_bars
    return Figure(
        "epoch-time",
        tr("Time per epoch"),
        tr(
            "Training without waiting for data, waiting for data, and validation, timed separately."
        ),
        tr("Time per epoch (s): {times}", times="; ".join(described)),
        draw(rows, order),
        height=max(120, 34 * len(order)),
    )


def _phase_base(rows: Rows, order: list[str]) -> alt.Chart:
    scale = alt.Scale(domain=list(map(tr, _PHASES)), range=list(_PHASES.values()))
    legend = alt.Legend(orient="bottom", symbolOpacity=1)
    return alt.Chart(inline_data(rows)).encode(
        y=alt.Y("model:N", sort=order, title=None, axis=alt.Axis(labelLimit=180)),
        color=alt.Color("phase:N", scale=scale, title=None, legend=legend),
        tooltip=[
            text_tooltip("model:N"),
            text_tooltip("phase:N"),
            number_tooltip("seconds", spec=".3~f"),
        ],
    )


def _phase_bars(rows: Rows, order: list[str]) -> Chart:
    x = alt.X("seconds:Q", title=tr("epoch (s), median"), stack="zero")
    chart: Chart = _phase_base(rows, order).mark_bar().encode(x=x, order=alt.Order("rank:Q"))
    return chart


def _phase_dots(rows: Rows, order: list[str]) -> Chart:
    """Draw dots, since the lengths of stacked bars have no meaning on a logarithmic axis."""
    positive = [row for row in rows if row["seconds"] > 0]
    title = tr("phase of an epoch (s), median, log")
    x = alt.X(
        "seconds:Q",
        title=title,
        scale=alt.Scale(type="log", padding=10, nice=False),
        axis=alt.Axis(format=",~g"),
    )
    dots = _phase_base(positive, order).mark_point(filled=True, size=90, opacity=0.9)
    chart: Chart = dots.encode(x=x)
    return chart


def _phases(row: GroupRow) -> Rows:
    timing = row.timing
    train, wait, val = timing["train_s"], timing["data_wait_s"], timing["val_s"]
    if train is None:
        return []
    phases = [("training", train - (wait or 0.0)), ("waiting for data", wait), ("validation", val)]
    return [
        {"model": row.label, "phase": tr(phase), "seconds": max(0.0, seconds), "rank": rank}
        for rank, (phase, seconds) in enumerate(phases)
        if seconds is not None
    ]
