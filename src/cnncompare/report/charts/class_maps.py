"""A sheet of test images with the class activation map of each network and its prediction."""

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import numpy as np
from numpy.typing import NDArray

from cnncompare.language.catalogue import marked, tr
from cnncompare.plotting.heat_map import heat_overlay
from cnncompare.plotting.image_sheet import data_url
from cnncompare.plotting.render import Chart
from cnncompare.report.charts.figure import Figure, Rows, inline_data
from cnncompare.terminal.formatting import percent

COLUMNS = 6  # an image and five networks
_SIDE = 96  # pt
_CELL = (118, 152)  # pt
_RIGHT, _WRONG = "#009E73", "#D55E00"


@dataclass(frozen=True, eq=False)
class NetworkMap:
    """The prediction of a network for an image, its pixels [H, W, C], and the map [H, W] of it."""

    label: str
    predicted: str
    confidence: float
    right: bool
    pixels: NDArray[np.uint8]
    heat: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class DisputedImage:
    """A test image, uint8 [H, W, C], its class, and how many of all networks are right."""

    pixels: NDArray[np.uint8]
    true: str
    n_right: int
    n_networks: int
    maps: list[NetworkMap]


def class_maps_figure(images: Sequence[DisputedImage]) -> Figure:
    """Draw each image with the maps of its networks to the right of it, and texts below them."""
    lines = [cells for image in images for cells in _lines(image)]
    rows = [
        {**cell, "x": x, "y": y}
        for y, cells in enumerate(lines)
        for x, cell in enumerate(cells)
        if cell
    ]
    columns = max(map(len, lines))
    return Figure(
        "class-maps",
        tr("Where networks disagree: what they look at"),
        tr(
            "Left: test images and their true classes. Next to them, for each network, its "
            "predicted class and confidence. The yellower a region, the more it speaks for the "
            "predicted class."
        ),
        "; ".join(map(_sentence, images)),
        _chart(rows, columns, len(lines)),
        height=len(lines) * _CELL[1],
        width=columns * _CELL[0],
    )


def _lines(image: DisputedImage) -> list[Rows]:
    """Return the cells of an image, line by line; all lines but the first begin with a blank."""
    cells = [_map_cell(network) for network in image.maps]
    n_lines = -(-len(cells) // (COLUMNS - 1))
    step = -(-len(cells) // n_lines)
    chunks = [cells[start : start + step] for start in range(0, len(cells), step)]
    score = tr("{some} of {n} right", some=image.n_right, n=image.n_networks)
    true = tr("true: {name}", name=image.true)
    shown = _cell(_url(image.pixels), true, tr("test image"), score, "")
    return [[{} if number else shown, *chunk] for number, chunk in enumerate(chunks)]


def _map_cell(network: NetworkMap) -> dict[str, str]:
    overlay = np.asarray(heat_overlay(network.pixels, network.heat, 2 * _SIDE))
    message = marked("right, {confidence}") if network.right else marked("wrong, {confidence}")
    verdict = tr(message, confidence=percent(network.confidence))
    colour = _RIGHT if network.right else _WRONG
    return _cell(_url(overlay), network.predicted, network.label, verdict, colour)


def _url(pixels: NDArray[np.uint8]) -> str:
    """Return the image as a data URL; a small one is enlarged to the resolution of the files."""
    factor = max(1, -(-2 * _SIDE // max(pixels.shape[:2])))
    return data_url(pixels.repeat(factor, axis=0).repeat(factor, axis=1), _SIDE)


def _cell(url: str, title: str, subtitle: str, note: str, colour: str) -> dict[str, str]:
    texts = {"title": title, "subtitle": subtitle, "note": note}
    return {"url": url, **texts, "colour": colour or "currentColor"}


def _chart(rows: Rows, columns: int, lines: int) -> Chart:
    base = alt.Chart(inline_data(rows)).encode(
        x=alt.X("x:Q", axis=None, scale=alt.Scale(domain=[-0.5, columns - 0.5], nice=False)),
        y=alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[lines - 0.35, -0.35], nice=False)),
    )
    # on a narrow page, images and texts shrink with the distance of the columns
    side = alt.ExprRef(f"min({_SIDE}, width / {columns} - 4)")
    image = base.mark_image(width=side, height=side).encode(url=alt.Url("url:N"))
    limit, below = alt.ExprRef(f"width / {columns} - 4"), _SIDE // 2
    subtitle = base.mark_text(dy=below + 9, fontSize=10, limit=limit, color="currentColor")
    title = base.mark_text(dy=below + 22, fontSize=11, fontWeight="bold", limit=limit)
    note = base.mark_text(dy=below + 35, fontSize=10, limit=limit)
    colour = alt.Color("colour:N", scale=None, legend=None)
    return alt.layer(
        image,
        subtitle.encode(text=alt.Text("subtitle:N")),
        title.encode(text=alt.Text("title:N"), color=colour),
        note.encode(text=alt.Text("note:N"), color=colour),
    )


def _sentence(image: DisputedImage) -> str:
    predictions = ", ".join(
        tr("{model} predicts {name}", model=network.label, name=network.predicted)
        for network in image.maps
    )
    return f"{image.true}: {predictions}"
