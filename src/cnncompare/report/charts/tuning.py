"""Figure of a tuning: the expected best validation accuracy by number of trials."""

import altair as alt

from cnncompare.comparison.compare import ComparedTable
from cnncompare.language.catalogue import tr
from cnncompare.plotting.render import Chart
from cnncompare.report.charts.figure import (
    Figure,
    Rows,
    inline_data,
    model_colour,
    model_selection,
    number_tooltip,
    selected_opacity,
    text_tooltip,
)
from cnncompare.terminal.formatting import enumeration


def tuning_figure(table: ComparedTable) -> Figure | None:
    """Draw the expected best accuracy of the trials of each network, with its standard deviation.

    None without trials.
    """
    rows = [
        {
            "model": curve.label,
            "trials": point.n,
            "mean": 100 * point.mean,
            "low": max(0.0, 100 * (point.mean - point.sd)),
            "high": min(100.0, 100 * (point.mean + point.sd)),
        }
        for curve in table.tuning
        for point in curve.expected
    ]
    if not rows:
        return None
    last = [f"{c.label} {100 * c.expected[-1].mean:.1f} %" for c in table.tuning]
    return Figure(
        "tuning",
        tr("Expected best validation accuracy by number of trials"),
        tr(
            "Mean of the best of n trials drawn from those that were run (Dodge et al. 2019); "
            "band: one standard deviation."
        ),
        tr("Expected best validation top-1 of all trials: {models}", models=enumeration(last)),
        _chart(rows, [curve.label for curve in table.tuning]),
    )


def _chart(rows: Rows, labels: list[str]) -> Chart:
    selection, title = model_selection(), tr("expected best validation top-1 (%)")
    numbers = sorted({row["trials"] for row in rows})
    # for few trials Vega would draw ticks between them
    axis = alt.Axis(values=numbers, format="d") if len(numbers) <= 10 else alt.Axis(tickMinStep=1)
    trials = alt.X("trials:Q", title=tr("trials"), axis=axis)
    base = alt.Chart(inline_data(rows)).encode(x=trials, color=model_colour(labels))
    band = base.mark_area().encode(
        y=alt.Y("low:Q", title=title),
        y2=alt.Y2("high:Q"),
        opacity=selected_opacity(selection, 0.18, 0.03),
    )
    line = base.mark_line(strokeWidth=2.2, point=alt.OverlayMarkDef(size=22)).encode(
        y=alt.Y("mean:Q", title=title, scale=alt.Scale(zero=False)),
        tooltip=[
            text_tooltip("model:N"),
            text_tooltip("trials:Q"),
            number_tooltip("mean", spec=".2f"),
            number_tooltip("low", tr("mean - sd"), ".2f"),
            number_tooltip("high", tr("mean + sd"), ".2f"),
        ],
        opacity=selected_opacity(selection, 1, 0.12),
    )
    return alt.layer(band, line).add_params(selection)
