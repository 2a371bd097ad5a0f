"""The drawing of a chain of layers as cuboids, in the form of figure 2 of Krizhevsky et al. 2012.

Height and depth of a cuboid stand for the size of the feature maps, its width for the number of
channels. AlexNet's two towers are drawn above each other, as in the paper.
"""

from dataclasses import dataclass

from cnncompare.explain.drawing.svg import Canvas, Point
from cnncompare.explain.stages import Stage, window_text
from cnncompare.models.operations import Operation

_TILT = (0.32, -0.22)  # direction of the depth, per unit
_TALLEST = 170.0
MOST_SPACED = 14  # operations, up to which each layer stands apart
_TIMES = "\N{MULTIPLICATION SIGN}"
_THIN = "\N{THIN SPACE}"


@dataclass(frozen=True)
class _Solid:
    """A cuboid or column that was drawn: its left and right end and half its height."""

    left: float
    right: float
    half: float
    middle: float


def draw_cuboids(image_shape: tuple[int, int, int], stages: list[Stage]) -> Canvas:
    """Draw the layers of a chain, in two towers if its convolutions have two groups."""
    canvas = Canvas()
    operations = [operation for stage in stages for (operation,) in stage.operations]
    towers = 2 if any(o.window and o.window.groups == 2 for o in operations) else 1
    middles = [0.0] if towers == 1 else [-130.0, 130.0]
    scale = _TALLEST / image_shape[1] ** 0.62
    label_y = max(middles) + _TALLEST * (0.5 if towers == 1 else 0.45) + 36
    previous = [_cuboid(canvas, 0.0, 0.0, image_shape, scale, "image")]
    size = 12.0 if len(operations) <= MOST_SPACED else 17.0  # a wide drawing is reduced
    canvas.lines(previous[0].left + 24, label_y, ["image", _map_size(image_shape)], size)
    pooled: Operation | None = None
    for operation in operations:
        if operation.kind not in ("conv", "linear"):
            pooled = _pooled(pooled, operation)
            continue
        is_last = operation is operations[-1]
        left = previous[0].right + _gap(operation, pooled, operations)
        drawn = _layer(canvas, left, operation, [0.0] if is_last else middles, scale, towers)
        _links(canvas, previous, drawn, operation, towers)
        _labels(canvas, previous[0].right, drawn, operation, pooled, (label_y, size))
        previous, pooled = drawn, None
    return canvas


def _pooled(before: Operation | None, operation: Operation) -> Operation | None:
    """Return the pooling to be written; adaptive pooling that keeps the map has no effect."""
    window = operation.window
    if window is not None and window.kernel == (1, 1):
        return before
    return operation


def _gap(operation: Operation, pooled: Operation | None, operations: list[Operation]) -> float:
    """Return the space before a layer; equal convolutions of a stage stand close together."""
    if operation.kind == "linear":
        return 52.0 if len(operations) <= MOST_SPACED else 66.0
    if pooled is None and operation is not operations[0] and len(operations) > MOST_SPACED:
        return 9.0
    return 64.0 if len(operations) <= MOST_SPACED else 92.0


def _map_size(shape: tuple[int, ...]) -> str:
    return f"{shape[0]}@{shape[1]}{_TIMES}{shape[2]}" if len(shape) == 3 else f"{shape[0]:,}"


def _layer(
    canvas: Canvas,
    left: float,
    operation: Operation,
    middles: list[float],
    scale: float,
    towers: int,
) -> list[_Solid]:
    if operation.kind == "linear":
        units = operation.output[0] // len(middles)
        return [_column(canvas, left, middle, units) for middle in middles]
    channels, height, width = operation.output
    shape = (channels // towers, height, width)
    return [_cuboid(canvas, left, middle, shape, scale, "conv") for middle in middles]


def _cuboid(
    canvas: Canvas, left: float, middle: float, shape: tuple[int, int, int], scale: float, kind: str
) -> _Solid:
    """Draw a cuboid whose front is `left` and centred on `middle`."""
    channels, height, width = shape
    tall, deep = scale * height**0.62, scale * width**0.62
    wide = max(3.0, 1.9 * channels**0.5)
    dx, dy = _TILT[0] * deep, _TILT[1] * deep
    top, bottom = middle - tall / 2 - dy / 2, middle + tall / 2 - dy / 2
    front = [(left, top), (left + wide, top), (left + wide, bottom), (left, bottom)]
    roof = [(left, top), (left + dx, top + dy), (left + wide + dx, top + dy), (left + wide, top)]
    side = [
        *((left + wide, top), (left + wide + dx, top + dy)),
        *((left + wide + dx, bottom + dy), (left + wide, bottom)),
    ]
    canvas.polygon(front, kind)
    canvas.polygon(roof, kind, 0.55)
    canvas.polygon(side, kind, 0.75)
    return _Solid(left, left + wide + dx, tall / 2, middle)


def _column(canvas: Canvas, left: float, middle: float, units: int) -> _Solid:
    tall = min(_TALLEST, 2.4 * units**0.5)
    canvas.rectangle(left, middle - tall / 2, 13, tall, "linear", radius=1)
    return _Solid(left, left + 13, tall / 2, middle)


def _links(
    canvas: Canvas, before: list[_Solid], after: list[_Solid], operation: Operation, towers: int
) -> None:
    """Draw the window as a pyramid for convolutions, all connections for linear layers.

    Lines between the towers stand for layers that use the maps of both.
    """
    is_grouped = operation.window is not None and operation.window.groups == towers > 1
    for target in after:
        for source in before:
            if is_grouped and len(before) > 1 and source.middle != target.middle:
                continue
            if target.left - source.right < 20:  # of one stage
                continue
            half = source.half if operation.kind == "linear" else _window_half(source, operation)
            end = target.half if operation.kind == "linear" else 0.0
            start = source.right - 2
            for sign in (-1, 1):
                tip: Point = (target.left, target.middle + sign * end)
                canvas.line([(start, source.middle + sign * half), tip], soft=True)


def _window_half(source: _Solid, operation: Operation) -> float:
    kernel = operation.window.kernel if operation.window else None
    return max(4.0, min(source.half, 2.6 * (kernel or (1, 1))[0]))


def _labels(
    canvas: Canvas,
    before: float,
    layer: list[_Solid],
    operation: Operation,
    pooled: Operation | None,
    position: tuple[float, float],
) -> None:
    """Write the output below a layer and the operation between it and the one before.

    `position` is the height of the labels and their font size.
    """
    y, size = position
    drawn, towers = layer[0], len(layer)
    centre = (drawn.left + drawn.right) / 2
    units = f"{operation.output[0] // towers:,}"
    number = units if towers == 1 else f"{towers}{_THIN}{_TIMES}{_THIN}{units}"
    spacious = drawn.left - before > 20
    if operation.kind == "linear":
        canvas.lines(centre, y, ["dense", number], size)
    elif spacious:
        canvas.text(centre, y, number, size, bold=True)
        canvas.text(centre, y + 1.25 * size, _plane(operation.output), size, soft=True)
    if not spacious:
        return
    above = [f"conv {window_text(operation)}"] if operation.kind == "conv" else []
    if pooled is not None:
        name = pooled.kind.replace("average", "avg")
        above = [f"{name} {window_text(pooled)}".strip(), *above]
    top = -y + 14 - 1.3 * size * len(above)
    for line, content in enumerate(above):
        canvas.text(
            (before + drawn.left) / 2, top + 1.3 * size * line, content, size - 1, soft=True
        )


def _plane(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}{_TIMES}{shape[2]}"
