"""Figures of the errors: confusion matrices, classes, calibration, agreement."""

import altair as alt
import numpy as np
from numpy.typing import NDArray

from cnncompare.comparison.agreement import Agreement
from cnncompare.comparison.confusion import ClassAccuracy, ConfusedPair
from cnncompare.language.catalogue import marked, tr
from cnncompare.plotting.confusion import confusion_chart, selection_note
from cnncompare.plotting.render import CELL_TEXT, Chart
from cnncompare.report.charts.figure import (
    Figure,
    Rows,
    inline_data,
    model_colour,
    number_tooltip,
    text_tooltip,
    value_scale,
)
from cnncompare.stats.calibration import ReliabilityBin
from cnncompare.terminal.formatting import percent

MOST_CLASSES = 25  # in the figure of class accuracies; of more, the hardest
_CLASS_AXIS = alt.Axis(labelOverlap="greedy", labelSeparation=8, tickCount=6)  # 100 has its label
FEWEST_IMAGES = 30  # in a bin of the calibration figure


def confusion_figure(
    label: str, counts: NDArray[np.int64], names: list[str], confused: list[ConfusedPair]
) -> Figure:
    """Draw the confusion matrix of a model, summed over its runs."""
    pairs = [
        tr(
            "{a} with {b} ({n} per run)",
            a=names[pair.a],
            b=names[pair.b],
            n=_per_run(pair.a_as_b + pair.b_as_a),
        )
        for pair in confused
    ]
    most = tr("Most confused: {pairs}.", pairs=", ".join(pairs) or tr("none"))
    colours = tr("Colour: errors only, darkest for the most frequent one.")
    shares = tr("Percent of the images of the true class, over all runs.")
    caption = f"{shares} {colours} {selection_note(counts)}"
    return Figure(
        f"confusion-{label}",
        label,
        f"{caption.rstrip()} {most}",
        tr("Confusion matrix of {model}.", model=label) + f" {most}",
        confusion_chart(counts, names),
        height=300,
        width=330,
    )


def _per_run(images: float) -> str:
    """Return a mean number of images, which is not 0."""
    return f"{images:.0f}" if images >= 1 else f"{images:.2g}"


def class_accuracy_figure(accuracies: dict[str, list[ClassAccuracy]], names: list[str]) -> Figure:
    """Draw the accuracy of each model per class with intervals, the hardest classes first."""
    means = _mean_accuracies(accuracies)
    hardest = sorted(means, key=means.__getitem__)[:MOST_CLASSES]
    caption = tr("The hardest first, with Wilson's 95 % interval over the images of the class.")
    if len(hardest) < len(means):
        caption += " " + tr("The {some} hardest of {n}.", some=len(hardest), n=len(means))
    described = "; ".join(f"{names[i]} {percent(means[i], 0)}" for i in hardest)
    return Figure(
        "per-class",
        tr("Accuracy by class"),
        caption,
        tr("Accuracy by class, the hardest first: {accuracies}", accuracies=described),
        _class_accuracy_chart(_class_rows(accuracies, names, hardest), list(accuracies)),
        height=max(200, len(hardest) * (14 + 5 * len(accuracies))),
    )


def _mean_accuracies(accuracies: dict[str, list[ClassAccuracy]]) -> dict[int, float]:
    """Return each class's accuracy, the mean over the models."""
    by_class: dict[int, list[float]] = {}
    for classes in accuracies.values():
        for item in classes:
            by_class.setdefault(item.index, []).append(item.accuracy)
    return {index: float(np.mean(values)) for index, values in by_class.items()}


def _class_rows(
    accuracies: dict[str, list[ClassAccuracy]], names: list[str], hardest: list[int]
) -> Rows:
    by_index = {
        (label, item.index): item for label, classes in accuracies.items() for item in classes
    }
    return [
        {
            "model": label,
            "class": names[index],
            "accuracy": 100 * item.accuracy,
            "low": 100 * (item.interval.low or 0.0),
            "high": 100 * (item.interval.high or 0.0),
            "images": item.n,
        }
        for label in accuracies
        for index in hardest
        if (item := by_index.get((label, index)))
    ]


def _class_accuracy_chart(rows: Rows, models: list[str]) -> Chart:
    order = list(dict.fromkeys(row["class"] for row in rows))
    base = alt.Chart(inline_data(rows)).encode(
        y=alt.Y("class:N", sort=order, title=None, axis=alt.Axis(labelLimit=120)),
        yOffset=alt.YOffset("model:N", sort=models),
        color=model_colour(models),
    )
    ends = [row[key] for row in rows for key in ("low", "high")]
    scale = value_scale(ends, percent=True)
    interval = base.mark_rule(opacity=0.6).encode(
        x=alt.X("low:Q", title=tr("test top-1 of the class (%)"), scale=scale, axis=_CLASS_AXIS),
        x2=alt.X2("high:Q"),
    )
    numbers = [number_tooltip(field, spec=".1f") for field in ("accuracy", "low", "high")]
    dot = base.mark_point(filled=True, size=45).encode(
        x=alt.X("accuracy:Q"),
        tooltip=[
            text_tooltip("model:N"),
            text_tooltip("class:N"),
            *numbers,
            text_tooltip("images:Q"),
        ],
    )
    return alt.layer(interval, dot)


def reliability_figure(
    bins: dict[str, list[ReliabilityBin]], ece: dict[str, float]
) -> Figure | None:
    """Draw accuracy against confidence in bins; a calibrated network lies on the diagonal.

    Bins of a few images say little about their accuracy and are left out.
    """
    errors = "; ".join(f"{label} {percent(error)}" for label, error in ece.items())
    large = {label: [b for b in members if b.n >= FEWEST_IMAGES] for label, members in bins.items()}
    if not any(large.values()):
        return None
    return Figure(
        "reliability",
        tr("Calibration"),
        tr(
            "Below the diagonal: overconfident; above: underconfident. Bins of at least {n} "
            "images. Expected calibration error: {errors}.",
            n=FEWEST_IMAGES,
            errors=errors,
        ),
        tr("Reliability diagram. Expected calibration error: {errors}.", errors=errors),
        _reliability_chart(large),
    )


def _reliability_chart(bins: dict[str, list[ReliabilityBin]]) -> Chart:
    rows: Rows = [
        {"model": label, "confidence": b.confidence, "accuracy": b.accuracy, "images": b.n}
        for label, members in bins.items()
        for b in members
    ]
    diagonal = (
        alt.Chart(inline_data([{"x": 0, "y": 0}, {"x": 1, "y": 1}]))
        .mark_line(color="gray", strokeDash=[4, 4])
        .encode(x=alt.X("x:Q"), y=alt.Y("y:Q"))
    )
    base = alt.Chart(inline_data(rows)).encode(
        x=alt.X("confidence:Q", title=tr("mean confidence"), scale=alt.Scale(domain=[0, 1])),
        y=alt.Y("accuracy:Q", title=tr("accuracy"), scale=alt.Scale(domain=[0, 1])),
        color=model_colour(list(bins)),
    )
    numbers = [number_tooltip(field, spec=".3f") for field in ("confidence", "accuracy")]
    dot = base.mark_point(filled=True).encode(
        size=alt.Size("images:Q", legend=None, scale=alt.Scale(range=[15, 250])),
        tooltip=[text_tooltip("model:N"), *numbers, text_tooltip("images:Q")],
    )
    return alt.layer(diagonal, base.mark_line(strokeWidth=1.5), dot)


def agreement_figure(agreements: list[Agreement], labels: list[str]) -> Figure:
    """Draw the share of errors that two models have in common."""
    known = [(item, item.common_errors) for item in agreements if item.common_errors is not None]
    message = marked("{a} and {b} {share}")
    described = "; ".join(tr(message, a=x.a, b=x.b, share=percent(s, 0)) for x, s in known)
    return Figure(
        "agreement",
        tr("Common errors"),
        tr(
            "Of the images that at least one of two models gets wrong, the share that both get "
            "wrong. A majority vote gains most where it is small."
        ),
        tr("Share of common errors: {shares}", shares=described),
        _agreement_chart([item for item, _ in known], labels),
        height=max(160, 34 * len(labels)),
    )


def _agreement_chart(agreements: list[Agreement], labels: list[str]) -> Chart:
    rows: Rows = [
        {"a": above, "b": below, "common": item.common_errors, "kappa": item.kappa}
        for item in agreements
        for above, below in [sorted((item.a, item.b), key=labels.index)]
    ]
    axis = alt.Axis(labelAngle=-40, labelLimit=110)
    base = alt.Chart(inline_data(rows)).encode(
        x=alt.X("a:N", sort=labels[:-1], title=None, axis=axis),
        y=alt.Y("b:N", sort=labels[1:], title=None, axis=alt.Axis(labelLimit=130)),
    )
    common = number_tooltip("common", tr("common errors"), ".1%")
    largest = max(row["common"] for row in rows) or 1.0
    scale = alt.Scale(range=["#ffffff", "#b79ad9"], domain=[0, largest], interpolate="rgb")
    cell = base.mark_rect(stroke="gray", strokeWidth=0.3).encode(
        color=alt.Color("common:Q", scale=scale, legend=None),
        tooltip=[
            text_tooltip("a:N"),
            text_tooltip("b:N"),
            common,
            number_tooltip("kappa", tr("Cohen's kappa"), ".3f"),
        ],
    )
    text = base.mark_text(fontSize=11, color=CELL_TEXT).encode(
        text=alt.Text("common:Q", format=".0%")
    )
    return alt.layer(cell, text)
