"""Where models err: confusions, classes, calibration, agreement."""

import altair as alt
import numpy as np
from numpy.typing import NDArray

from cnncompare.comparison.agreement import Agreement
from cnncompare.comparison.confusion import ClassAccuracy, ConfusedPair
from cnncompare.report.charts.figure import Picture, Rows, colour, values
from cnncompare.stats.calibration import ReliabilityBin

SHOWN = 25  # classes that a heat map can show; of more, those confused most


def confusion(
    label: str, matrix: NDArray[np.int64], names: list[str], confused: list[ConfusedPair]
) -> Picture:
    """Draw the share of each true class's images per predicted class."""
    shown = _classes_shown(matrix)
    rows = _confusion_rows(matrix, names, shown)
    order = [names[i] for i in shown]
    share = alt.Color(
        "share:Q", scale=alt.Scale(scheme="blues", domain=[0, 1]), title="share", legend=None
    )
    base = alt.Chart(values(rows)).encode(
        x=alt.X(
            "predicted:N",
            sort=order,
            title="predicted",
            axis=alt.Axis(labelAngle=-60, labelLimit=80),
        ),
        y=alt.Y("true:N", sort=order, title="true", axis=alt.Axis(labelLimit=90)),
    )
    cell = base.mark_rect().encode(
        color=share,
        tooltip=["true:N", "predicted:N", "count:Q", alt.Tooltip("share:Q", format=".1%")],
    )
    text = base.mark_text(fontSize=9).encode(
        text=alt.Text("percent:N"),
        color=alt.condition("datum.share > 0.5", alt.value("white"), alt.value("#1a3550")),
    )
    layers = alt.layer(cell, text) if len(shown) <= 12 else alt.layer(cell)
    few = (
        ""
        if len(shown) == len(names)
        else f" The {len(shown)} classes of most errors, of {len(names)}."
    )
    most = ", ".join(
        f"{names[c.a]} with {names[c.b]} ({c.a_as_b + c.b_as_a:.0f} a run)" for c in confused
    )
    return Picture(
        f"confusion-{label}",
        label,
        f"Per cent of the true class, runs summed.{few} Most confused: {most or 'none'}.",
        f"Confusion matrix of {label}. Most confused: {most or 'none'}.",
        cell if layers is None else layers,
        height=300,
        width=330,
    )


def _classes_shown(matrix: NDArray[np.int64]) -> list[int]:
    if len(matrix) <= SHOWN:
        return list(range(len(matrix)))
    errors = matrix.sum(axis=0) + matrix.sum(axis=1) - 2 * matrix.diagonal()
    return sorted(int(i) for i in np.argsort(-errors, kind="stable")[:SHOWN])


def _confusion_rows(matrix: NDArray[np.int64], names: list[str], shown: list[int]) -> Rows:
    totals = np.maximum(1, matrix.sum(axis=1))
    return [
        {
            "true": names[i],
            "predicted": names[j],
            "count": int(matrix[i, j]),
            "share": float(matrix[i, j] / totals[i]),
            "percent": f"{100 * matrix[i, j] / totals[i]:.0f}" if matrix[i, j] else "",
        }
        for i in shown
        for j in shown
    ]


def per_class(found: dict[str, list[ClassAccuracy]], names: list[str]) -> Picture:
    """Draw each class's accuracy per model, with intervals; the hardest classes first."""
    mean: dict[int, list[float]] = {}
    for classes in found.values():
        for item in classes:
            mean.setdefault(item.index, []).append(item.accuracy)
    hardest = sorted(mean, key=lambda i: float(np.mean(mean[i])))[:SHOWN]
    rows = [
        {
            "model": label,
            "class": names[item.index],
            "accuracy": 100 * item.accuracy,
            "low": 100 * (item.interval.low or 0.0),
            "high": 100 * (item.interval.high or 0.0),
            "images": item.n,
        }
        for label, classes in found.items()
        for item in classes
        if item.index in hardest
    ]
    order, models = [names[i] for i in hardest], list(found)
    y = alt.Y("class:N", sort=order, title=None, axis=alt.Axis(labelLimit=120))
    offset = alt.YOffset("model:N", sort=models)
    shade = colour(models)
    base = alt.Chart(values(rows)).encode(y=y, yOffset=offset, color=shade)
    rule = base.mark_rule(opacity=0.6).encode(
        x=alt.X("low:Q", title="test top-1 of the class, %", scale=alt.Scale(zero=False)),
        x2="high:Q",
    )
    tip = [
        "model:N",
        "class:N",
        *(alt.Tooltip(f"{k}:Q", format=".1f") for k in ("accuracy", "low", "high")),
        "images:Q",
    ]
    dot = base.mark_point(filled=True, size=45).encode(x=alt.X("accuracy:Q"), tooltip=tip)
    few = f" The hardest {len(hardest)} of {len(mean)}." if len(hardest) < len(mean) else ""
    return Picture(
        "per-class",
        "Accuracy by class",
        f"Hardest first, with Wilson's 95 % interval over the class's images.{few}",
        "Accuracy by class, hardest first: "
        + "; ".join(f"{names[i]} {100 * float(np.mean(mean[i])):.0f} %" for i in hardest),
        alt.layer(rule, dot),
        height=max(200, len(hardest) * (14 + 5 * len(models))),
    )


def reliability(found: dict[str, list[ReliabilityBin]], ece: dict[str, float]) -> Picture:
    """Draw accuracy against confidence, in bins; on the diagonal a network is calibrated."""
    rows = [
        {
            "model": label,
            "confidence": b.confidence,
            "accuracy": b.accuracy,
            "images": b.n,
        }
        for label, bins in found.items()
        for b in bins
    ]
    labels = list(found)
    ideal = (
        alt.Chart(values([{"x": 0, "y": 0}, {"x": 1, "y": 1}]))
        .mark_line(color="gray", strokeDash=[4, 4])
        .encode(x="x:Q", y="y:Q")
    )
    base = alt.Chart(values(rows)).encode(
        x=alt.X("confidence:Q", title="mean confidence", scale=alt.Scale(domain=[0, 1])),
        y=alt.Y("accuracy:Q", title="accuracy", scale=alt.Scale(domain=[0, 1])),
        color=colour(labels),
    )
    line = base.mark_line(strokeWidth=1.5)
    dot = base.mark_point(filled=True).encode(
        size=alt.Size("images:Q", legend=None, scale=alt.Scale(range=[15, 250])),
        tooltip=[
            "model:N",
            alt.Tooltip("confidence:Q", format=".3f"),
            alt.Tooltip("accuracy:Q", format=".3f"),
            "images:Q",
        ],
    )
    sizes = "; ".join(f"{label} {100 * e:.1f} %" for label, e in ece.items())
    return Picture(
        "reliability",
        "Calibration",
        f"Below the diagonal: too sure. Expected calibration error: {sizes}.",
        f"Reliability diagram. Expected calibration error: {sizes}.",
        alt.layer(ideal, line, dot),
    )


def agreement(found: list[Agreement], labels: list[str]) -> Picture:
    """Draw the share of errors that two models have in common."""
    rows: Rows = [
        {"a": x, "b": y, "common": item.common_errors, "kappa": item.kappa}
        for item in found
        for x, y in ((item.a, item.b), (item.b, item.a))
        if item.common_errors is not None
    ]
    base = alt.Chart(values(rows)).encode(
        x=alt.X("a:N", sort=labels, title=None, axis=alt.Axis(labelAngle=-40, labelLimit=110)),
        y=alt.Y("b:N", sort=labels, title=None, axis=alt.Axis(labelLimit=130)),
    )
    tip = [
        "a:N",
        "b:N",
        alt.Tooltip("common:Q", title="common errors", format=".1%"),
        alt.Tooltip("kappa:Q", title="Cohen's kappa", format=".3f"),
    ]
    cell = base.mark_rect(stroke="gray", strokeWidth=0.3).encode(
        color=alt.Color("common:Q", scale=alt.Scale(scheme="purples", domain=[0, 1]), legend=None),
        tooltip=tip,
    )
    text = base.mark_text(fontSize=11).encode(
        text=alt.Text("common:Q", format=".0%"),
        color=alt.condition("datum.common > 0.55", alt.value("white"), alt.value("#3f2a5c")),
    )
    return Picture(
        "agreement",
        "Errors in common",
        "Of the images that either gets wrong, the share that both do. Where it is small, a vote "
        "of the two gains most.",
        "Share of common errors: "
        + "; ".join(
            f"{i.a} and {i.b} {100 * i.common_errors:.0f} %"
            for i in found
            if i.common_errors is not None
        ),
        alt.layer(cell, text),
        height=max(160, 34 * len(labels)),
    )
