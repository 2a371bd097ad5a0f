"""A contact sheet of images with the class activation map of each network next to them."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

from cnncompare.inference.answers import Answer
from cnncompare.inference.sheet import (
    BLANK,
    FONT_SIZE,
    LINE,
    MARGIN,
    MODEL_COLOUR,
    MOST_TILES,
    NAME_COLOUR,
    SIDE,
    SheetTile,
    png_url,
    sheet_tiles,
    write_sheet_page,
)
from cnncompare.plotting.tiles import Font, fit_text, in_square

_COLUMNS = 6  # the image and five networks; further networks continue in the next row


class _Cell(NamedTuple):
    """An image with the lines below it, the first of them its title."""

    image: Image.Image
    title: str
    colour: str
    lines: tuple[str, ...]


def write_map_sheet(
    path: Path, answers: Sequence[Sequence[Answer]], maps: Mapping[tuple[str, str], Path]
) -> int:
    """Write the sheet of the first images, and return their number.

    `answers` has the answers of all networks for each image, `maps` the files with the maps over
    the images by image and run. Raises OSError.
    """
    shown = answers[: max(1, MOST_TILES // (1 + len(answers[0])))]
    rows = [
        _cells(tile, [maps.get(answer.key) for answer in of_image])
        for tile, of_image in zip(sheet_tiles(shown), shown, strict=True)
    ]
    if path.suffix.lower() == ".png":
        _draw(_lines(rows)).save(path)
    else:
        write_sheet_page(path, len(rows), "\n".join(map(_section, rows)))
    return len(rows)


def _cells(tile: SheetTile, maps: Sequence[Path | None]) -> list[_Cell]:
    """Return the cell of the image and those of the networks."""
    cells = [_Cell(tile.image, tile.name, NAME_COLOUR, ())]
    for file, (model, lines) in zip(maps, tile.answers, strict=True):
        cells.append(_Cell(BLANK if file is None else _read(file), model, MODEL_COLOUR, lines))
    return cells


def _read(file: Path) -> Image.Image:
    with Image.open(file) as image:
        return in_square(image, SIDE)


def _lines(rows: Sequence[list[_Cell]]) -> list[list[_Cell | None]]:
    """Return the cells by line: several images in one, or one image in several."""
    n_images = _COLUMNS // len(rows[0])
    if n_images < 2:
        return [line for cells in rows for line in _wrapped(cells)]
    groups = [rows[start : start + n_images] for start in range(0, len(rows), n_images)]
    return [[cell for cells in group for cell in cells] for group in groups]


def _wrapped(cells: list[_Cell]) -> list[list[_Cell | None]]:
    """Return the rows of an image; all but the first begin with an empty cell."""
    image, networks = cells[0], cells[1:]
    n_rows = -(-len(networks) // (_COLUMNS - 1))
    step = -(-len(networks) // n_rows)
    chunks = [networks[start : start + step] for start in range(0, len(networks), step)]
    return [[image if number == 0 else None, *chunk] for number, chunk in enumerate(chunks)]


def _draw(rows: Sequence[Sequence[_Cell | None]]) -> Image.Image:
    lines = 1 + max(len(cell.lines) for row in rows for cell in row if cell)
    cell_size = (SIDE + MARGIN, SIDE + lines * LINE + 2 * MARGIN)
    size = (max(map(len, rows)) * cell_size[0] + MARGIN, len(rows) * cell_size[1] + MARGIN)
    sheet = Image.new("RGB", size, "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=FONT_SIZE)
    for y, row in enumerate(rows):
        for x, cell in enumerate(row):
            if cell is not None:
                corner = (MARGIN + x * cell_size[0], MARGIN + y * cell_size[1])
                sheet.paste(cell.image, corner)
                _write_lines(draw, font, cell, corner)
    return sheet


def _write_lines(
    draw: ImageDraw.ImageDraw, font: Font, cell: _Cell, corner: tuple[int, int]
) -> None:
    for number, text in enumerate((cell.title, *cell.lines)):
        position = (corner[0], corner[1] + SIDE + 4 + number * LINE)
        colour = "black" if number else cell.colour
        draw.text(position, fit_text(text, SIDE, font), fill=colour, font=font)


def _section(cells: Sequence[_Cell]) -> str:
    return f"<section>{''.join(map(_figure, cells))}</section>"


def _figure(cell: _Cell) -> str:
    title = escape(cell.title)
    lines = "".join(f"<dd>{escape(line)}</dd>" for line in cell.lines)
    return (
        f'<figure><img src="{png_url(cell.image)}" alt="{title}">'
        f"<figcaption><dl><dt>{title}</dt>{lines}</dl></figcaption></figure>"
    )
