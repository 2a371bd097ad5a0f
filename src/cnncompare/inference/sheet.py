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

SIDE, MARGIN = 208, 12  # pixels of an image, and between the cells
LINE = 18  # height of a line of text
FONT_SIZE = 13
MODEL_COLOUR, NAME_COLOUR = "#1f5fa8", "dimgray"
BLANK = Image.new("RGB", (SIDE, SIDE), "#dddddd")

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; font: 15px/1.4 system-ui, sans-serif }}
.tiles {{ display: grid; gap: 1.5rem }}
.tiles {{ grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)) }}
section {{ display: flex; flex-wrap: wrap; gap: 1rem 1.5rem; margin-bottom: 2rem }}
section figure {{ width: 13rem }}
body {{ margin: 1.5rem }} figure {{ margin: 0 }}
img {{ width: 13rem; max-width: 100% }}
figcaption {{ overflow-wrap: anywhere }} h1 {{ font-size: 1.4rem }}
dl {{ margin: .25rem 0 }} dt {{ color: GrayText }} dd {{ margin: 0 0 .25rem }}
</style>
</head>
<body>
<h1>{title}</h1>
<main{attributes}>
{content}
</main>
</body>
</html>
"""


@dataclass(frozen=True)
class SheetTile:
    """An image with its name and, for each network, the lines of its answer."""

    image: Image.Image  # a square of SIDE pixels
    name: str
    answers: tuple[tuple[str, tuple[str, ...]], ...]  # network; class and confidence, best first


def write_sheet(path: Path, answers: Sequence[Sequence[Answer]]) -> int:
    """Write the sheet of the first images, and return their number.

    `answers` has the answers of all networks for each image. Raises OSError.
    """
    shown = answers[:MOST_TILES]
    tiles = sheet_tiles(shown)
    if path.suffix.lower() == ".png":
        _draw(tiles).save(path)
    else:
        write_sheet_page(path, len(tiles), "\n".join(map(_figure, tiles)), ' class="tiles"')
    return len(tiles)


def sheet_tiles(answers: Sequence[Sequence[Answer]]) -> list[SheetTile]:
    """Return the tile of each image, named by its path from the folder that all share."""
    root = os.path.commonpath([os.path.abspath(Path(a[0].image).parent) for a in answers])
    return [_tile(of_image, root) for of_image in answers]


def write_sheet_page(path: Path, n_images: int, content: str, attributes: str = "") -> None:
    """Write the HTML page; `attributes` are those of the element around the content."""
    title = f"Predictions for {n_images} images"
    page = _PAGE.format(title=title, content=content, attributes=attributes)
    path.write_text(page, encoding="utf-8")


def _tile(answers: Sequence[Answer], root: str) -> SheetTile:
    file = answers[0].image
    try:
        image = in_square(read_image(file, RGB_AS_STORED)[0], SIDE)
    except DataError:
        image = BLANK
    texts = tuple((answer.model, _lines(answer)) for answer in answers)
    return SheetTile(image, printable(os.path.relpath(file, root)), texts)


def _lines(answer: Answer) -> tuple[str, ...]:
    if answer.error is not None:
        return ("cannot be read",)
    return tuple(f"{name} {percent(confidence)}" for name, confidence in answer.top)


def _draw(tiles: Sequence[SheetTile]) -> Image.Image:
    lines = max(sum(1 + len(lines) for _, lines in tile.answers) for tile in tiles)
    cell = (SIDE + MARGIN, SIDE + (1 + lines) * LINE + MARGIN)
    columns = min(COLUMNS, len(tiles))
    rows = -(-len(tiles) // columns)
    sheet = Image.new("RGB", (columns * cell[0] + MARGIN, rows * cell[1] + MARGIN), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=FONT_SIZE)
    for number, tile in enumerate(tiles):
        left = MARGIN + number % columns * cell[0]
        top = MARGIN + number // columns * cell[1]
        sheet.paste(tile.image, (left, top))
        for row, (text, colour) in enumerate(_text(tile)):
            position = (left, top + SIDE + 4 + row * LINE)
            draw.text(position, fit_text(text, SIDE, font), fill=colour, font=font)
    return sheet


def _text(tile: SheetTile) -> list[tuple[str, str]]:
    """Return the lines below an image with their colours."""
    lines = [(tile.name, NAME_COLOUR)]
    for model, classes in tile.answers:
        lines += [(model, MODEL_COLOUR), *((text, "black") for text in classes)]
    return lines


def _figure(tile: SheetTile) -> str:
    listed = "".join(
        f"<dt>{escape(model)}</dt>" + "".join(f"<dd>{escape(text)}</dd>" for text in classes)
        for model, classes in tile.answers
    )
    name = escape(tile.name)
    return (
        f'<figure><img src="{png_url(tile.image)}" alt="{name}"><figcaption>{name}<dl>{listed}</dl>'
        "</figcaption></figure>"
    )


def png_url(image: Image.Image) -> str:
    """Return the image as the data URL of a PNG file."""
    content = io.BytesIO()
    image.save(content, "PNG")
    return "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()
