"""Who differs from whom: the pairwise matrix, and the critical-difference diagram."""

import altair as alt

from cnncompare.comparison.compare import ComparedTable
from cnncompare.comparison.metrics import Metric
from cnncompare.report.charts.figure import Picture, Rows, values
from cnncompare.report.formatting import p_value
from cnncompare.stats.friedman_nemenyi import MeanRanks

LARGEST = 30  # rows of a matrix that can be read


def matrix(table: ComparedTable, metric: Metric) -> Picture | None:
    """Draw every pair's difference; framed where the runs show that there is one."""
    rows = _cells(table, metric)
    if len(table.rows) < 2 or len(table.rows) > LARGEST or not rows:
        return None
    order = [row.label for row in table.rows]
    largest = max(abs(row["difference"]) for row in rows) or 1.0
    scale = alt.Scale(
        scheme="blueorange", domain=[-largest, 0, largest], reverse=not metric.higher_is_better
    )
    axis = alt.Axis(labelLimit=130, title=None)
    base = alt.Chart(values(rows)).encode(
        x=alt.X("b:N", sort=order, axis=alt.Axis(labelLimit=110, title="minus", labelAngle=-40)),
        y=alt.Y("a:N", sort=order, axis=axis),
    )
    tip = [
        *("a:N", "b:N", alt.Tooltip("difference:Q", format="+.4~f")),
        *("interval:N", "p:N", alt.Tooltip("p_holm:N", title="p (Holm)"), "test:N", "verdict:N"),
    ]
    cell = base.mark_rect(strokeWidth=1.6).encode(
        stroke=alt.condition("datum.different", alt.value("currentColor"), alt.value("gray")),
        color=alt.Color(
            "difference:Q", scale=scale, title="points" if metric.percent else "difference"
        ),
        opacity=alt.condition("datum.different", alt.value(1.0), alt.value(0.18)),
        tooltip=tip,
    )
    text = base.mark_text(fontSize=11).encode(
        text=alt.Text("difference:Q", format="+.1f" if metric.percent else "+.3f"),
        color=alt.when(f"datum.different && abs(datum.difference) > {largest * 0.55}")
        .then(alt.value("white"))
        .when("datum.different")
        .then(alt.value("#222"))  # on an opaque pale cell, in the dark too
        .otherwise(alt.value("currentColor")),
    )
    apart = "; ".join(f"{p.a} and {p.b}" for p in table.pairs if p.significant) or "none"
    return Picture(
        "pairs",
        "Every pair",
        "Row minus column"
        + (", in points" if metric.percent else "")
        + ". Framed: different after Holm's correction; pale: cannot be told apart.",
        f"Matrix of pairwise differences. Pairs that differ: {apart}.",
        alt.layer(cell, text),
        height=max(160, 34 * len(order)),
    )


def _cells(table: ComparedTable, metric: Metric) -> Rows:
    scale = 100 if metric.percent else 1
    rows: Rows = []
    for pair in table.pairs:
        if pair.difference is None:
            continue
        for sign, a, b in ((1, pair.a, pair.b), (-1, pair.b, pair.a)):
            bounds = sorted(sign * scale * x for x in (pair.low, pair.high) if x is not None)
            rows.append(
                {
                    "a": a,
                    "b": b,
                    "difference": sign * scale * pair.difference,
                    "interval": " to ".join(f"{x:.3g}" for x in bounds),
                    "p": p_value(pair.p),
                    "p_holm": p_value(pair.p_holm),
                    "test": pair.test,
                    "different": pair.significant,
                    "verdict": "different" if pair.significant else "cannot be told apart",
                }
            )
    return rows


def critical_difference(ranks: MeanRanks) -> Picture:
    """Draw Demsar's diagram: mean ranks on a line, bars over models that cannot be told apart."""
    k = len(ranks.labels)
    dots = [
        {"model": label, "rank": rank, "y": i}
        for i, (label, rank) in enumerate(zip(ranks.labels, ranks.mean_ranks, strict=True))
    ]
    at = dict(zip(ranks.labels, ranks.mean_ranks, strict=True))
    bars = [
        {"low": at[c[0]], "high": at[c[-1]], "y": -1.2 - 0.5 * i, "who": ", ".join(c)}
        for i, c in enumerate(ranks.cliques)
    ]
    ruler = [{"low": 1.0, "high": 1.0 + ranks.critical_difference, "y": -2.4 - 0.5 * len(bars)}]
    x = alt.X(
        "rank:Q",
        title="mean rank, 1 is the best",
        scale=alt.Scale(domain=[1, k], nice=False, clamp=True),
    )
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(reverse=True))
    stem = (
        alt.Chart(values(dots))
        .mark_rule(color="gray", strokeDash=[2, 2])
        .encode(x=x, y=y, y2=alt.datum(-0.8))
    )
    dot = (
        alt.Chart(values(dots))
        .mark_point(filled=True, size=70)
        .encode(x=x, y=y, tooltip=["model:N", alt.Tooltip("rank:Q", format=".3f")])
    )
    name = (
        alt.Chart(values(dots))
        .mark_text(align="left", dx=8, fontWeight="bold")
        .encode(x=x, y=y, text="model:N")
    )
    bar = (
        alt.Chart(values(bars or [{"low": 1, "high": 1, "y": -1, "who": ""}]))
        .mark_rule(strokeWidth=5, color="#0072B2")
        .encode(x=alt.X("low:Q"), x2="high:Q", y=y, tooltip="who:N")
    )
    cd = (
        alt.Chart(values(ruler))
        .mark_rule(strokeWidth=2, color="#D55E00")
        .encode(x=alt.X("low:Q"), x2="high:Q", y=y)
    )
    word = (
        alt.Chart(values(ruler))
        .mark_text(align="left", dy=-8, color="#D55E00")
        .encode(
            x=alt.X("low:Q"),
            y=y,
            text=alt.value(f"critical difference {ranks.critical_difference:.2f}"),
        )
    )
    return Picture(
        "critical-difference",
        f"Over {len(ranks.data)} data sets",
        f"Friedman p = {ranks.p:.2g}; models joined by a bar cannot be told apart (Nemenyi, 0.05; "
        "Demsar 2006).",
        "Mean ranks: " + "; ".join(f"{a} {r:.2f}" for a, r in at.items()),
        alt.layer(stem, bar, dot, name, cd, word),
        height=90 + 34 * k,
    )
