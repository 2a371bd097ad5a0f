"""A picture: a chart with the words that go with it, and the looks all charts share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

Rows = list[dict[str, Any]]

# Okabe and Ito 2008: ten colours that the colour-blind tell apart, on light and on dark
COLOURS = (
    *("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#8C6D31", "#999999"),
    *("#B2A300", "#7B4FB5"),
)
WAIT, TRAIN, VAL = "#D55E00", "#0072B2", "#56B4E9"


@dataclass(frozen=True)
class Picture:
    """A chart; `name` is its file's, `alt_text` says what is seen, for those who do not see it."""

    name: str
    title: str
    caption: str
    alt_text: str
    chart: alt.Chart | alt.LayerChart | alt.FacetChart
    height: int = 320
    width: int = 560  # in files; in HTML it fills its place


def values(rows: Rows) -> alt.InlineData:
    """Return rows as inline data."""
    return alt.InlineData(values=rows)


def colour(labels: Sequence[str], title: str | None = None, legend: bool = True) -> alt.Color:
    """Return the same colour for the same model in every picture of a table."""
    scale = alt.Scale(
        domain=list(labels), range=[COLOURS[i % len(COLOURS)] for i in range(len(labels))]
    )
    shown = (
        alt.Legend(orient="bottom", columns=3, labelLimit=150, symbolOpacity=1) if legend else None
    )
    return alt.Color("model:N", scale=scale, title=title, legend=shown)


def toggled() -> alt.Parameter:
    """Return a selection by clicking the legend."""
    return alt.selection_point(fields=["model"], bind="legend")


def faded(by: alt.Parameter) -> dict[str, Any]:
    """Return the opacity of what the legend selects, and of what it does not."""
    return {"condition": {"param": by.name, "value": 1}, "value": 0.12}
