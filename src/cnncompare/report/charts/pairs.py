"""Figures of the pairwise tests: the matrix of differences, the critical-difference diagram."""

import altair as alt

from cnncompare.comparison.compare import ComparedTable
from cnncompare.comparison.metrics import Metric
from cnncompare.language.catalogue import marked, tr
from cnncompare.plotting.render import CELL_TEXT, Chart
from cnncompare.report.charts.figure import Figure, Rows, inline_data, number_tooltip, text_tooltip
from cnncompare.stats.friedman_nemenyi import MeanRanks
from cnncompare.terminal.formatting import number, p_value

MOST_MODELS = 30  # legible in a matrix
_BAR_COLOUR, _RULER_COLOUR = "#0072B2", "#D55E00"
_IN_POINTS, _WITHOUT_UNIT = marked("Row minus column, in points."), marked("Row minus column.")
_DIVERGING = ["#f0a35e", "#ffffff", "#7ab5e6"]  # light enough for dark text


def pairs_figure(table: ComparedTable, metric: Metric) -> Figure | None:
    """Draw the difference of each pair once; the significant ones are coloured."""
    rows = _cells(table, metric)
    if len(table.rows) < 2 or len(table.rows) > MOST_MODELS or not rows:
        return None
    order = [row.label for row in table.rows]
    both = marked("{a} and {b}")
    significant = "; ".join(tr(both, a=p.a, b=p.b) for p in table.pairs if p.significant)
    coloured = tr("Coloured: significant after Holm correction. Without colour: not significant.")
    return Figure(
        "pairs",
        tr("Pairwise differences"),
        f"{tr(_IN_POINTS if metric.percent else _WITHOUT_UNIT)} {coloured}",
        tr(
            "Matrix of pairwise differences. Significant: {pairs}.",
            pairs=significant or tr("none"),
        ),
        _matrix_chart(rows, order, metric),
        height=max(160, 34 * len(order)),
    )


def _matrix_chart(rows: Rows, order: list[str], metric: Metric) -> Chart:
    largest = max(abs(row["difference"]) for row in rows) or 1.0
    scale = alt.Scale(range=_DIVERGING, domain=[-largest, 0, largest], interpolate="rgb")
    if not metric.higher_is_better:
        scale = alt.Scale(range=_DIVERGING[::-1], domain=scale.domain, interpolate="rgb")
    axis = alt.Axis(labelLimit=110, title=tr("minus"), labelAngle=-40)
    base = alt.Chart(inline_data(rows)).encode(
        x=alt.X("b:N", sort=order[:-1], axis=axis),
        y=alt.Y("a:N", sort=order[1:], axis=alt.Axis(labelLimit=130, title=None)),
    )
    tooltip = [
        *(text_tooltip("a:N"), text_tooltip("b:N"), number_tooltip("difference", spec="+.4~f")),
        *(
            text_tooltip("interval:N"),
            text_tooltip("p:N"),
            text_tooltip("p_holm:N", tr("p (Holm)")),
            text_tooltip("test:N"),
            text_tooltip("result:N"),
        ),
    ]
    legend = tr("points") if metric.percent else tr("difference")
    cell = base.mark_rect(strokeWidth=1, stroke="gray").encode(
        color=alt.Color("difference:Q", scale=scale, title=legend),
        fillOpacity=alt.condition("datum.significant", alt.value(1.0), alt.value(0.0)),
        tooltip=tooltip,
    )
    dark = alt.value(CELL_TEXT)  # on a coloured cell, also in the dark theme
    text = base.mark_text(fontSize=11).encode(
        text=alt.Text("text:N"),
        color=alt.condition("datum.significant", dark, alt.value("currentColor")),
    )
    return alt.layer(cell, text)


def _cells(table: ComparedTable, metric: Metric) -> Rows:
    """Return the lower triangle: each row minus a row above it."""
    scale, order = 100 if metric.percent else 1, [row.label for row in table.rows]
    rows: Rows = []
    for pair in table.pairs:
        if pair.difference is None:
            continue
        a_is_below = order.index(pair.a) > order.index(pair.b)
        sign, a, b = (scale, pair.a, pair.b) if a_is_below else (-scale, pair.b, pair.a)
        bounds = sorted(sign * x for x in (pair.low, pair.high) if x is not None)
        rows.append(
            {
                "a": a,
                "b": b,
                "difference": sign * pair.difference,
                "text": number(sign * pair.difference, "+.1f" if metric.percent else "+.3f"),
                "interval": _interval(bounds),
                "p": p_value(pair.p),
                "p_holm": p_value(pair.p_holm),
                "test": pair.test,
                "significant": pair.significant,
                "result": tr("significant") if pair.significant else tr("not significant"),
            }
        )
    return rows


def _interval(bounds: list[float]) -> str:
    if len(bounds) < 2:
        return "".join(number(x, ".3g") for x in bounds)
    return tr("{low} to {high}", low=number(bounds[0], ".3g"), high=number(bounds[1], ".3g"))


def critical_difference_figure(ranks: MeanRanks) -> Figure:
    """Draw Demsar's diagram: mean ranks, with bars over statistically tied models."""
    described = [f"{a} {r:.2f}" for a, r in zip(ranks.labels, ranks.mean_ranks, strict=True)]
    return Figure(
        "critical-difference",
        tr("Mean ranks over {n} data sets", n=len(ranks.data)),
        tr(
            "Friedman p = {p:.2g}. Models joined by a bar are statistically tied (Nemenyi, 0.05; "
            "Demsar 2006).",
            p=ranks.p,
        ),
        tr("Mean ranks: {ranks}", ranks="; ".join(described)),
        alt.layer(*_rank_layers(ranks), *_bar_layers(ranks)),
        height=90 + 34 * len(ranks.labels),
    )


_RANK_Y = alt.Y("y:Q", axis=None, scale=alt.Scale(reverse=True))


def _rank_layers(ranks: MeanRanks) -> list[alt.Chart]:
    """Return the models at their mean ranks, each below the axis on a line of its own."""
    rows: Rows = [
        {"model": label, "rank": rank, "y": i}
        for i, (label, rank) in enumerate(zip(ranks.labels, ranks.mean_ranks, strict=True))
    ]
    scale = alt.Scale(domain=[1, len(rows)], nice=False, clamp=True)
    base = alt.Chart(inline_data(rows)).encode(
        x=alt.X("rank:Q", title=tr("mean rank (1: best)"), scale=scale), y=_RANK_Y
    )
    return [
        base.mark_rule(color="gray", strokeDash=[2, 2]).encode(y2=alt.datum(-0.8)),
        base.mark_point(filled=True, size=70).encode(
            tooltip=[text_tooltip("model:N"), number_tooltip("rank", spec=".3f")]
        ),
        base.mark_text(align="left", dx=8, fontWeight="bold").encode(text=alt.Text("model:N")),
    ]


def _bar_layers(ranks: MeanRanks) -> list[alt.Chart]:
    """Return a bar over the models of each tie group, and the critical difference as a ruler."""
    rank_of = dict(zip(ranks.labels, ranks.mean_ranks, strict=True))
    bars: Rows = [
        {"low": rank_of[c[0]], "high": rank_of[c[-1]], "y": -1.2 - 0.5 * i, "tied": ", ".join(c)}
        for i, c in enumerate(ranks.cliques)
    ]
    length = ranks.critical_difference
    ruler: Rows = [{"low": 1.0, "high": 1.0 + length, "y": -2.4 - 0.5 * len(bars)}]
    # a layer without data draws a warning
    groups = bars or [{"low": 1, "high": 1, "y": -1, "tied": ""}]
    x = alt.X("low:Q")
    bar = alt.Chart(inline_data(groups)).mark_rule(strokeWidth=5, color=_BAR_COLOUR)
    line = alt.Chart(inline_data(ruler)).mark_rule(strokeWidth=2, color=_RULER_COLOUR)
    text = alt.Chart(inline_data(ruler)).mark_text(align="left", dy=-8, color=_RULER_COLOUR)
    return [
        bar.encode(x=x, x2=alt.X2("high:Q"), y=_RANK_Y, tooltip=text_tooltip("tied:N")),
        line.encode(x=x, x2=alt.X2("high:Q"), y=_RANK_Y),
        text.encode(
            x=x, y=_RANK_Y, text=alt.value(tr("critical difference {gap:.2f}", gap=length))
        ),
    ]
