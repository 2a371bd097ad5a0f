"""Sheets of images: positions, texts and the images themselves."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from cnncompare.plotting.image_sheet import SIDE, Tile, data_url, image_sheet, sheet_size
from cnncompare.plotting.render import to_png, to_svg, vega_lite


@pytest.mark.parametrize(
    ("shape", "size"),
    [((8, 8, 1), (64, 64)), ((28, 28, 3), (56, 56)), ((50, 100, 3), (100, 50)),
     ((500, 250, 3), (64, 128))],
)  # fmt: skip
def test_a_data_url_holds_the_image(shape: tuple[int, ...], size: tuple[int, int]) -> None:
    pixels = np.full(shape, 200, np.uint8)
    url = data_url(pixels)
    assert url.startswith("data:image/png;base64,")
    image = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))
    assert image.size == size
    assert (np.asarray(image) == 200).all()


def test_tiles_fill_the_sheet_row_by_row() -> None:
    tiles = [Tile("data:,", f"class {i}", "", {"position": i}) for i in range(5)]
    (rows,) = vega_lite(image_sheet(tiles, 3))["datasets"].values()
    assert [(row["x"], row["y"]) for row in rows] == [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1)]
    assert [row["position"] for row in rows] == list(range(5))
    width, height = sheet_size(5, 3)
    assert width > 3 * SIDE
    assert height > 2 * SIDE


def test_a_sheet_becomes_a_png_file_with_its_title() -> None:
    tiles = [Tile(data_url(np.zeros((8, 8, 3), np.uint8)), "cat", "dog")]
    width, height = sheet_size(1, 1)
    svg = to_svg(image_sheet(tiles, 1), width=width, height=height, title="Most", subtitle="below")
    assert ">Most<" in svg
    assert ">below<" in svg
    pixels = np.asarray(Image.open(io.BytesIO(to_png(svg))).convert("L"))
    assert pixels[0, 0] == 255
    black = (pixels < 10).sum()
    assert black > (2 * SIDE) ** 2 * 0.9  # at two pixels per point
