"""The drawing of a network as a row of stages, with the structure of its blocks below."""

import math
from itertools import pairwise

from cnncompare.explain.drawing.block import draw_block
from cnncompare.explain.drawing.svg import Canvas, shape_text
from cnncompare.explain.stages import Stage

MOST_IN_ROW = 10
MOST_BLOCKS = 5  # kinds of blocks that are drawn in detail
MOST_OPERATIONS = 64  # of a block that is drawn in detail
_STEP = 122.0
_WIDTH = 84.0
_ROW = 226.0
_COUNT = "\N{MULTIPLICATION SIGN}\N{THIN SPACE}"


def draw_diagram(image_shape: tuple[int, int, int], stages: list[Stage]) -> Canvas:
    """Draw the stages from left to right in rows, then one block of each kind."""
    canvas = Canvas()
    rows = _row_length(len(stages) + 1)
    _draw_box(canvas, _box_centre(0, rows), "image", image_shape, image_shape[1], ["image"], 1)
    for number, stage in enumerate(stages, start=1):
        pixels = stage.output[1] if len(stage.output) == 3 else 1
        centre = _box_centre(number, rows)
        _draw_box(
            canvas, centre, stage.kind, stage.output, pixels, _wrapped(stage.title), stage.count
        )
    for before, after in pairwise(range(len(stages) + 1)):
        _draw_arrow(canvas, _box_centre(before, rows), _box_centre(after, rows))
    for stage in _detailed(stages):
        draw_block(canvas, stage, 0.0, canvas.bottom() + 52)
    return canvas


def _row_length(n: int) -> int:
    """Return the number of boxes in a row, so that the rows are about equally long."""
    return math.ceil(n / math.ceil(n / MOST_IN_ROW))


def _box_centre(number: int, per_row: int) -> tuple[float, float]:
    """Return the centre of a box."""
    return number % per_row * _STEP + _WIDTH / 2, number // per_row * _ROW


def _draw_box(
    canvas: Canvas,
    centre: tuple[float, float],
    kind: str,
    shape: tuple[int, ...],
    pixels: int,
    title: list[str],
    count: int,
) -> None:
    """Draw a box whose height stands for the size of the feature maps."""
    x, y = centre
    height = 24 + 13.5 * math.log2(max(1, pixels))
    canvas.rectangle(x - _WIDTH / 2, y - height / 2, _WIDTH, height, kind)
    if count > 1:
        canvas.text(x, y + 6, f"{_COUNT}{count}", 18, bold=True)
    canvas.text(x, y - height / 2 - 7, shape_text(shape), 11, soft=True)
    for number, line in enumerate(title):
        canvas.text(x, y + height / 2 + 16 + 14.5 * number, line, 12.5)


def _draw_arrow(canvas: Canvas, start: tuple[float, float], end: tuple[float, float]) -> None:
    (x1, y1), (x2, y2) = start, end
    if y1 == y2:
        canvas.line([(x1 + _WIDTH / 2 + 2, y1), (x2 - _WIDTH / 2 - 2, y2)], arrow=True)
        return
    right, left, between = x1 + _WIDTH / 2, x2 - _WIDTH / 2, (y1 + y2) / 2 + 10
    canvas.line(
        [
            *((right + 2, y1), (right + 16, y1), (right + 16, between)),
            *((left - 16, between), (left - 16, y2), (left - 2, y2)),
        ],
        arrow=True,
    )


def _wrapped(title: str) -> list[str]:
    """Return the title in lines of about the width of a box, at most two."""
    tokens = title.replace(" / ", "\N{NO-BREAK SPACE}/\N{NO-BREAK SPACE}").split(" ")
    if len(title) <= 13 or len(tokens) == 1:
        return [title]
    half = min(
        range(1, len(tokens)),
        key=lambda n: max(len(" ".join(tokens[:n])), len(" ".join(tokens[n:]))),
    )
    return [" ".join(tokens[:half]), " ".join(tokens[half:])]


def _detailed(stages: list[Stage]) -> list[Stage]:
    """Return the longest stage of each kind of block, but for very large blocks."""
    longest: dict[str, Stage] = {}
    for stage in stages:
        if stage.kind == "block" and len(stage.operations[-1]) <= MOST_OPERATIONS:
            best = longest.get(stage.title, stage)
            longest[stage.title] = stage if stage.count > best.count else best
    return list(longest.values())[:MOST_BLOCKS]
