"""The confusion matrix as a heat map: rows are true classes, columns predicted classes."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
from numpy.typing import NDArray

from cnncompare.language.catalogue import marked, tr
from cnncompare.plotting.render import CELL_TEXT, Chart, InlineRows

MOST_CLASSES = 25  # legible in a heat map; of more, those with the most errors
_ERRORS, _RIGHT = ["#ffffff", "#f08c4a"], "#dbe9f5"  # light enough for dark text
MOST_WITH_TEXT = 12  # classes up to which a cell has room for a number


def confusion_chart(counts: NDArray[np.int64], names: Sequence[str]) -> Chart:
    """Draw counts [classes, classes]; an error's colour is its share of the true class's images.

    The scale ends at the most frequent error, beside which correct predictions would hide all.
    """
    shown = classes_drawn(counts)
    unique = _unique(names)
    order = [unique[i] for i in shown]
    axis = alt.Axis(labelLimit=90)
    cells = _cells(counts, unique, shown)
    base = alt.Chart(InlineRows(values=cells)).encode(
        x=alt.X(
            "predicted:N",
            sort=order,
            title=tr("predicted class"),
            axis=alt.Axis(labelAngle=-60, labelLimit=80),
        ),
        y=alt.Y("true:N", sort=order, title=tr("true class"), axis=axis),
    )
    largest = max((row["share"] for row in cells if row["true"] != row["predicted"]), default=0.0)
    scale = alt.Scale(range=_ERRORS, domain=[0, largest or 1.0], interpolate="rgb", clamp=True)
    is_right = "datum.true === datum.predicted"
    heat = base.mark_rect().encode(
        color=alt.condition(
            is_right, alt.value(_RIGHT), alt.Color("share:Q", scale=scale, legend=None)
        ),
        tooltip=[
            *(_tooltip(field) for field in ("true:N", "predicted:N", "count:Q")),
            _tooltip("share:Q", format=".1%"),
        ],
    )
    if len(shown) > MOST_WITH_TEXT:
        return alt.layer(heat)
    text = base.mark_text(fontSize=9, color=CELL_TEXT).encode(text=alt.Text("percent:N"))
    return alt.layer(heat, text)


def _tooltip(field: str, **options: Any) -> alt.Tooltip:
    """Return the tooltip of a field, with a title if the language has another name for it."""
    name = field.partition(":")[0]
    if tr(name) != name:
        options["title"] = tr(name)
    return alt.Tooltip(field, **options)


# fields of the tooltips
_FIELDS = (marked("true"), marked("predicted"), marked("count"), marked("share"))


def classes_drawn(counts: NDArray[np.int64]) -> list[int]:
    """Return the classes of the heat map in their order: all, or the MOST_CLASSES hardest."""
    if len(counts) <= MOST_CLASSES:
        return list(range(len(counts)))
    errors = counts.sum(axis=0) + counts.sum(axis=1) - 2 * counts.diagonal()
    return sorted(int(i) for i in np.argsort(-errors, kind="stable")[:MOST_CLASSES])


def selection_note(counts: NDArray[np.int64]) -> str:
    """Return a sentence if some classes are not drawn, else an empty string."""
    if len(counts) <= MOST_CLASSES:
        return ""
    return tr("The {some} classes with the most errors, of {n}.", some=MOST_CLASSES, n=len(counts))


def _unique(names: Sequence[str]) -> list[str]:
    """Return the names; one that several classes share, as crane in ImageNet, gets its index."""
    uses = Counter(names)
    return [f"{name} [{i}]" if uses[name] > 1 else name for i, name in enumerate(names)]


def _cells(
    counts: NDArray[np.int64], names: Sequence[str], shown: Sequence[int]
) -> list[dict[str, Any]]:
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    return [
        {
            "true": names[i],
            "predicted": names[j],
            "count": int(counts[i, j]),
            "share": float(shares[i, j]),
            "percent": f"{100 * shares[i, j]:.0f}" if counts[i, j] else "",
        }
        for i in shown
        for j in shown
    ]
