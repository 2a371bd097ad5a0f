"""Curves of a trial as SVG: training error by epoch, and gradient norms by layer."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from cnncompare.comparison.load import Result
from cnncompare.runs.gradient_columns import gradient_norms

_WIDTH, _HEIGHT = 640, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 150, 14, 40
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_TICKS = 5
_LINE = 15  # pixels between the names at the ends

Point = tuple[float, float]


@dataclass(frozen=True)
class Curves:
    """Lines by name in one chart; `y_log` has decades as ticks."""

    title: str
    x_title: str
    y_title: str
    lines: dict[str, list[Point]]
    y_log: bool = False


def error_curves(results: Mapping[str, Sequence[Result]]) -> Curves | None:
    """Return the training error in percent by epoch, the mean over the runs of each variant."""
    lines = {label: _mean_error(found) for label, found in results.items()}
    lines = {label: points for label, points in lines.items() if points}
    if not lines:
        return None
    return Curves("Training error by epoch", "epoch", "training error (%)", lines)


def gradient_curves(results: Mapping[str, Sequence[Result]]) -> Curves | None:
    """Return the mean gradient norm of each layer's weights, from the first layer to the last."""
    lines = {label: _mean_norms(found) for label, found in results.items()}
    lines = {label: points for label, points in lines.items() if points}
    if not lines:
        return None
    return Curves(
        "Gradient norms by layer",
        "position of the layer, from the image (0) to the scores (1)",
        "norm of the gradient",
        lines,
        y_log=True,
    )


def _mean_error(results: Sequence[Result]) -> list[Point]:
    by_epoch: dict[int, list[float]] = {}
    for result in results:
        for number, row in enumerate(result.epochs, start=1):
            if (share := row.get("train_acc1")) is not None:
                by_epoch.setdefault(number, []).append(100 * (1 - share))
    return [(epoch, fmean(errors)) for epoch, errors in sorted(by_epoch.items())]


def _mean_norms(results: Sequence[Result]) -> list[Point]:
    by_layer: dict[str, list[float]] = {}
    for result in results:
        for layer, norms in gradient_norms(result.epochs).items():
            by_layer.setdefault(layer, []).append(fmean(norms))
    last = max(1, len(by_layer) - 1)
    means = [fmean(norms) for norms in by_layer.values()]
    return [(number / last, mean) for number, mean in enumerate(means) if mean > 0]


def draw(curves: Curves) -> str:
    """Return the chart as an SVG element, whose text has the colour of the page."""
    points = [point for line in curves.lines.values() for point in line]
    x = _Axis.of([px for px, _ in points], (_LEFT, _WIDTH - _RIGHT))
    y = _Axis.of([py for _, py in points], (_HEIGHT - _BOTTOM, _TOP), curves.y_log)
    parts = [*_axes(x, y, curves)]
    ends = sorted((y.at(line[-1][1]), label) for label, line in curves.lines.items())
    levels = dict(zip([label for _, label in ends], _apart([end for end, _ in ends]), strict=True))
    for colour, (label, line) in zip(_colours(curves), curves.lines.items(), strict=True):
        path = " ".join(f"{x.at(px):.1f},{y.at(py):.1f}" for px, py in line)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        at = f'x="{_WIDTH - _RIGHT + 8}" y="{levels[label] + 4:.1f}"'
        parts.append(f'<text {at} fill="{colour}">{_escaped(label)}</text>')
    label = _escaped(f"{curves.title}: {', '.join(curves.lines)}")
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}" '
        f'font-size="12" fill="currentColor">{"".join(parts)}</svg>'
    )


@dataclass(frozen=True)
class _Axis:
    """The mapping of values, or of their logarithms, to pixels."""

    low: float
    high: float
    pixels: tuple[float, float]
    log: bool

    @classmethod
    def of(cls, values: Sequence[float], pixels: tuple[float, float], log: bool = False) -> "_Axis":
        if log:
            low, high = (math.log10(end(values)) for end in (min, max))
            low, high = math.floor(low), math.ceil(high)
        else:
            low, high = min(0.0, *values), max(values)
        return cls(low, high if high > low else low + 1, pixels, log)

    def at(self, value: float) -> float:
        """Return the pixel of a value."""
        scaled = math.log10(value) if self.log else value
        share = (scaled - self.low) / (self.high - self.low)
        return self.pixels[0] + share * (self.pixels[1] - self.pixels[0])

    def ticks(self) -> list[float]:
        """Return round values within the axis."""
        if self.log:
            step = max(1, math.ceil((self.high - self.low) / _TICKS))
            return [10.0**n for n in range(int(self.low), int(self.high) + 1, step)]
        step_size = _round_step((self.high - self.low) / _TICKS)
        first = math.ceil(self.low / step_size)
        return [n * step_size for n in range(first, math.floor(self.high / step_size) + 1)]


def _round_step(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= step * 0.999)


def _axes(x: _Axis, y: _Axis, curves: Curves) -> list[str]:
    parts = []
    for value in y.ticks():
        at = y.at(value)
        ends = f'x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{at:.1f}" y2="{at:.1f}"'
        parts.append(f'<line {ends} stroke="currentColor" stroke-opacity="0.15"/>')
        text = f'x="{_LEFT - 6}" y="{at + 4:.1f}" text-anchor="end"'
        parts.append(f"<text {text}>{value:g}</text>")
    for value in x.ticks():
        tick = f'x="{x.at(value):.1f}" y="{_HEIGHT - _BOTTOM + 16}" text-anchor="middle"'
        parts.append(f"<text {tick}>{value:g}</text>")
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    below = f'x="{middle}" y="{_HEIGHT - 6}" text-anchor="middle"'
    parts.append(f"<text {below}>{_escaped(curves.x_title)}</text>")
    turned = f'transform="translate(12 {(_HEIGHT - _BOTTOM + _TOP) / 2}) rotate(-90)"'
    parts.append(f'<text {turned} text-anchor="middle">{_escaped(curves.y_title)}</text>')
    return parts


def _apart(ends: Sequence[float]) -> list[float]:
    """Return ascending positions that are at least one line apart, above the lower axis."""
    levels: list[float] = []
    for end in ends:
        levels.append(max(end, levels[-1] + _LINE) if levels else end)
    lowest = float(_HEIGHT - _BOTTOM)
    for number in reversed(range(len(levels))):
        levels[number] = min(levels[number], lowest)
        lowest = levels[number] - _LINE
    return levels


def _colours(curves: Curves) -> list[str]:
    return [_COLOURS[number % len(_COLOURS)] for number in range(len(curves.lines))]


def _escaped(text: str) -> str:
    for sign, escape in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(sign, escape)
    return text
