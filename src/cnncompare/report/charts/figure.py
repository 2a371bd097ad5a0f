"""A figure of the report, and the data, colours and selections that its charts share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from cnncompare.language.catalogue import marked, tr
from cnncompare.plotting.render import Chart, InlineRows

Rows = list[dict[str, Any]]

# Okabe and Ito 2008: ten colours that colour-blind readers distinguish on light and dark
COLOURS = (
    *("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#8C6D31", "#999999"),
    *("#B2A300", "#7B4FB5"),
)

VALUE_AXIS = alt.Axis(labelOverlap="greedy", labelSeparation=8)


@dataclass(frozen=True)
class Figure:
    """A chart with its title and caption; `name` is that of its files.

    `alt_text` describes it to readers who cannot see it.
    """

    name: str
    title: str
    caption: str
    alt_text: str
    chart: Chart
    height: int = 320  # pt
    width: int = 560  # pt, in files; in HTML it fills its container
    choice: str = ""  # its name among figures of which the page shows one


def inline_data(rows: Rows) -> InlineRows:
    """Return rows as data within the chart."""
    return InlineRows(values=rows)


def model_colour(labels: Sequence[str], legend: bool = True) -> alt.Color:
    """Return the colour of each model, the same in every figure of a table."""
    colours = [COLOURS[i % len(COLOURS)] for i in range(len(labels))]
    shown = alt.Legend(orient="bottom", columns=3, labelLimit=150, symbolOpacity=1)
    return alt.Color(
        "model:N",
        scale=alt.Scale(domain=list(labels), range=colours),
        title=None,
        legend=shown if legend else None,
    )


def model_selection() -> alt.Parameter:
    """Return a selection of models by clicks on their curves or names."""
    return alt.selection_point(fields=["model"])


def selected_opacity(selection: alt.Parameter, selected: float, other: float) -> alt.Opacity:
    """Return the opacities of the models that are selected and of the others."""
    return alt.Opacity(condition={"param": selection.name, "value": selected}, value=other)


# names of fields, which title their tooltips
_FIELDS = (
    *(marked("model"), marked("split"), marked("phase"), marked("ties"), marked("runs")),
    *(marked("seed"), marked("trials"), marked("images"), marked("class"), marked("tied")),
    *(marked("interval"), marked("p"), marked("test"), marked("result"), marked("a"), marked("b")),
    *(marked("value"), marked("low"), marked("high"), marked("mean"), marked("rank")),
    *(marked("seconds"), marked("accuracy"), marked("confidence"), marked("difference")),
)


def text_tooltip(field: str, title: str = "") -> alt.Tooltip:
    """Return the tooltip of a field such as "model:N", titled with its name unless given."""
    name = field.partition(":")[0]
    shown = title or tr(name)
    return alt.Tooltip(field) if shown == name else alt.Tooltip(field, title=shown)


def number_tooltip(field: str, title: str = "", spec: str = ".4~f") -> alt.Tooltip:
    """Return the tooltip of a number; its title is the field's name unless given."""
    return alt.Tooltip(f"{field}:Q", title=title or tr(field), format=spec)


def value_domain(values: Sequence[float], *, percent: bool) -> tuple[float, float]:
    """Return an axis domain with a margin around the values; of percentages, within 0 to 100."""
    low, high = min(values), max(values)
    margin = 0.06 * (high - low) or (1.0 if percent else abs(high) * 0.1 or 1.0)
    low, high = low - margin, high + margin
    return (max(0.0, low), min(100.0, high)) if percent else (low, high)


def value_scale(values: Sequence[float], *, percent: bool) -> alt.Scale:
    """Return the scale of an axis over `value_domain`."""
    return alt.Scale(domain=list(value_domain(values, percent=percent)), nice=False, zero=False)


def asks_for_log(values: Sequence[float]) -> bool:
    """Return whether the values, such as seconds or parameters, span a factor of 10 or more."""
    return min(values) > 0 and max(values) / min(values) >= 10
