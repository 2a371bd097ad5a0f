"""A contact sheet of images with the predicted classes written below each, as PNG or HTML."""

import base64
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from cnncompare.data.decode import RGB_AS_STORED, read_image
from cnncompare.errors import DataError
from cnncompare.inference.answers import Answer, printable
from cnncompare.plotting.tiles import fit_text, in_square
from cnncompare.terminal.formatting import percent

SUFFIXES = (".png", ".html", ".htm")
MOST_TILES = 400
COLUMNS = 5

_SIDE, _MARGIN = 208, 12  # pixels of an image, and between the cells
_LINE = 18  # height of a line of text
_FONT = 13
_BLANK = Image.new("RGB", (_SIDE, _SIDE), "#dddddd")

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; font: 15px/1.4 system-ui, sans-serif }}
main {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: 1.5rem }}
body {{ margin: 1.5rem }} figure {{ margin: 0 }}
img {{ width: 13rem; max-width: 100% }}
figcaption {{ overflow-wrap: anywhere }} h1 {{ font-size: 1.4rem }}
dl {{ margin: .25rem 0 }} dt {{ color: GrayText }} dd {{ margin: 0 0 .25rem }}
</style>
</head>
<body>
<h1>{title}</h1>
<main>
{tiles}
</main>
</body>
</html>
"""


@dataclass(frozen=True)
class SheetTile:
    """An image with its name and, for each network, the lines of its answer."""

    image: Image.Image  # a square of _SIDE pixels
    name: str
    answers: tuple[tuple[str, tuple[str, ...]], ...]  # network; class and confidence, best first


def write_sheet(path: Path, answers: Sequence[Sequence[Answer]]) -> int:
    """Write the sheet of the first images, and return their number.

    `answers` has the answers of all networks for each image. Raises OSError.
    """
    shown = answers[:MOST_TILES]
    root = os.path.commonpath([os.path.abspath(Path(a[0].image).parent) for a in shown])
    tiles = [_tile(of_image, root) for of_image in shown]
    if path.suffix.lower() == ".png":
        _draw(tiles).save(path)
    else:
        title = f"Predictions for {len(tiles)} images"
        path.write_text(
            _PAGE.format(title=title, tiles="\n".join(map(_figure, tiles))), encoding="utf-8"
        )
    return len(tiles)


def _tile(answers: Sequence[Answer], root: str) -> SheetTile:
    """Return the tile of an image, named by its path from `root`."""
    file = answers[0].image
    try:
        image = in_square(read_image(file, RGB_AS_STORED)[0], _SIDE)
    except DataError:
        image = _BLANK
    texts = tuple((answer.model, _lines(answer)) for answer in answers)
    return SheetTile(image, printable(os.path.relpath(file, root)), texts)


def _lines(answer: Answer) -> tuple[str, ...]:
    if answer.error is not None:
        return ("cannot be read",)
    return tuple(f"{name} {percent(confidence)}" for name, confidence in answer.top)


def _draw(tiles: Sequence[SheetTile]) -> Image.Image:
    lines = max(sum(1 + len(lines) for _, lines in tile.answers) for tile in tiles)
    cell = (_SIDE + _MARGIN, _SIDE + (1 + lines) * _LINE + _MARGIN)
    columns = min(COLUMNS, len(tiles))
    rows = -(-len(tiles) // columns)
    sheet = Image.new("RGB", (columns * cell[0] + _MARGIN, rows * cell[1] + _MARGIN), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=_FONT)
    for number, tile in enumerate(tiles):
        left = _MARGIN + number % columns * cell[0]
        top = _MARGIN + number // columns * cell[1]
        sheet.paste(tile.image, (left, top))
        for row, (text, colour) in enumerate(_text(tile)):
            position = (left, top + _SIDE + 4 + row * _LINE)
            draw.text(position, fit_text(text, _SIDE, font), fill=colour, font=font)
    return sheet


def _text(tile: SheetTile) -> list[tuple[str, str]]:
    """Return the lines below an image with their colours."""
    lines = [(tile.name, "dimgray")]
    for model, classes in tile.answers:
        lines += [(model, "#1f5fa8"), *((text, "black") for text in classes)]
    return lines


def _figure(tile: SheetTile) -> str:
    content = io.BytesIO()
    tile.image.save(content, "PNG")
    url = "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()
    listed = "".join(
        f"<dt>{escape(model)}</dt>" + "".join(f"<dd>{escape(text)}</dd>" for text in classes)
        for model, classes in tile.answers
    )
    name = escape(tile.name)
    return (
        f'<figure><img src="{url}" alt="{name}"><figcaption>{name}<dl>{listed}</dl>'
        "</figcaption></figure>"
    )
