"""The drawing of LeNet-5 in the form of figure 2 of LeCun et al. 1998: planes of feature maps."""

from dataclasses import dataclass

from cnncompare.explain.drawing.svg import Canvas, Point
from cnncompare.explain.stages import Stage, window_text

_IMAGE_SIDE = 136.0
_SHIFT = 6.0  # between planes
_GAP = 60.0
_UNITS_HEIGHT = 1.15  # per unit of a fully connected layer
_LETTERS = {"conv": "C", "pool": "S", "linear": "F"}


@dataclass(frozen=True)
class _Drawn:
    """The right end of a layer at its middle, upper and lower end."""

    middle: float
    upper: Point
    lower: Point


def draw_planes(image_shape: tuple[int, int, int], stages: list[Stage]) -> Canvas:
    """Draw feature maps as planes one behind the other, and fully connected layers as columns."""
    canvas, pixel = Canvas(), _IMAGE_SIDE / image_shape[1]
    shapes = [image_shape, *(stage.output for stage in stages if len(stage.output) == 3)]
    top = max(side * pixel + (channels - 1) * _SHIFT for channels, side, _ in shapes) / 2 + 38
    label = ["INPUT", _size(image_shape)]
    drawn = _draw_maps(canvas, 0.0, image_shape, pixel, "image", (top, label))
    for stage, name in zip(stages, _names(stages), strict=True):
        left, label = drawn.middle + _GAP, [name, _size(stage.output)]
        before = drawn
        if stage.kind == "linear":
            drawn = _draw_units(canvas, left + 14, stage.output[0], (top, label))
        else:
            drawn = _draw_maps(canvas, left, stage.output, pixel, stage.kind, (top, label))
        _draw_link(canvas, before, drawn, left, stage, top)
    return canvas


def _names(stages: list[Stage]) -> list[str]:
    """Return the names of the paper: C1, S2, ..., F6 and OUTPUT; C5 is a convolution there."""
    names = [f"{_LETTERS[stage.kind]}{number}" for number, stage in enumerate(stages, start=1)]
    return ["C5" if name == "F5" else name for name in names[:-1]] + ["OUTPUT"]


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[0]}@{shape[1]}x{shape[2]}" if len(shape) == 3 else f"{shape[0]} units"


def _draw_maps(
    canvas: Canvas,
    left: float,
    shape: tuple[int, ...],
    pixel: float,
    kind: str,
    label: tuple[float, list[str]],
) -> _Drawn:
    """Draw the maps, the first one behind; the label has its first line at the given height."""
    channels, height, width = shape
    tall, wide, extent = height * pixel, width * pixel, (channels - 1) * _SHIFT
    half = (tall + extent) / 2
    for number in range(channels):
        shift = number * _SHIFT
        canvas.rectangle(left + shift, shift - half, wide, tall, kind, radius=0)
    canvas.lines(left + (wide + extent) / 2, -label[0], label[1], 13)
    right = left + wide + extent
    return _Drawn(right, (left + wide, -half), (right, half))


def _draw_units(canvas: Canvas, left: float, units: int, label: tuple[float, list[str]]) -> _Drawn:
    half = max(24.0, units * _UNITS_HEIGHT) / 2
    canvas.rectangle(left, -half, 16, 2 * half, "linear", radius=1)
    canvas.lines(left + 8, -label[0], label[1], 13)
    return _Drawn(left + 16, (left + 16, -half), (left + 16, half))


def _draw_link(
    canvas: Canvas, before: _Drawn, after: _Drawn, left: float, stage: Stage, caption_y: float
) -> None:
    """Draw the connection of two layers, and its kind below."""
    if stage.kind == "linear":
        for start, end in ((before.upper, after.upper), (before.lower, after.lower)):
            canvas.line([start, (end[0] - 16, end[1])], soft=True)
    else:
        canvas.line([(before.middle + 6, 0), (left - 6, 0)], arrow=True)
    window = window_text(stage.first).split(" ")[0]
    captions = {
        "linear": ["full", "connection"],
        "conv": ["convolution", window],
        "pool": ["subsampling", window],
    }
    canvas.lines((before.middle + left) / 2, caption_y - 10, captions[stage.kind], 11.5)
