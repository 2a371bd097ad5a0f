"""A sheet of images, each with two lines of text below it."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, field

import altair as alt
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cnncompare.plotting.render import Chart, InlineRows

SIDE = 64  # pt of an image
_GAP = (34, 40)  # pt beside and below an image


@dataclass(frozen=True)
class Tile:
    """An image as a data URL, the two lines below it, and the fields of its tooltip."""

    url: str
    title: str
    subtitle: str
    tooltip: dict[str, str | int] = field(default_factory=dict)


def image_sheet(
    tiles: Sequence[Tile], columns: int, colours: tuple[str, str] = ("currentColor", "currentColor")
) -> Chart:
    """Draw the tiles row by row; `colours` are those of title and subtitle."""
    rows = [
        {"x": i % columns, "y": i // columns, "url": tile.url}
        | {"title": tile.title, "subtitle": tile.subtitle}
        | tile.tooltip
        for i, tile in enumerate(tiles)
    ]
    lines = _lines(len(tiles), columns)
    base = alt.Chart(InlineRows(values=rows)).encode(
        x=alt.X("x:Q", axis=None, scale=alt.Scale(domain=[-0.5, columns - 0.5], nice=False)),
        y=alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[lines - 0.35, -0.5], nice=False)),
        tooltip=[f"{name}:N" for name in tiles[0].tooltip],
    )
    limit = SIDE + _GAP[0] - 4
    image = base.mark_image(width=SIDE, height=SIDE).encode(url=alt.Url("url:N"))
    title = base.mark_text(
        dy=SIDE // 2 + 9, fontSize=10, fontWeight="bold", limit=limit, color=colours[0]
    ).encode(text=alt.Text("title:N"))
    subtitle = base.mark_text(dy=SIDE // 2 + 21, fontSize=9, limit=limit, color=colours[1]).encode(
        text=alt.Text("subtitle:N")
    )
    return alt.layer(image, title, subtitle)


def sheet_size(n: int, columns: int) -> tuple[int, int]:
    """Return width and height, in pt, of a sheet of `n` tiles."""
    return columns * (SIDE + _GAP[0]), _lines(n, columns) * (SIDE + _GAP[1])


def _lines(n: int, columns: int) -> int:
    return -(-n // columns)


def data_url(pixels: NDArray[np.uint8], side: int = SIDE) -> str:
    """Return an image, uint8 [H, W, C] with 1 or 3 channels, as the data URL of a PNG file.

    It is shown `side` pt wide or high. A large image is reduced; a small one is enlarged without
    smoothing, so that its pixels show.
    """
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    image.thumbnail((2 * side, 2 * side))
    factor = side // max(image.size)
    if factor > 1:
        size = (image.width * factor, image.height * factor)
        image = image.resize(size, Image.Resampling.NEAREST)
    content = io.BytesIO()
    image.save(content, "PNG")
    return "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()
