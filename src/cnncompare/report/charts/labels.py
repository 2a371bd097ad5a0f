"""Positions of labels that neither overlap each other nor leave the chart."""

from collections.abc import Sequence
from dataclasses import dataclass

LINE = 13  # px from one line of text to the next
_CHARACTER = 6.3  # px, mean width


def spread_labels(
    values: Sequence[float], domain: tuple[float, float], height: float
) -> list[float]:
    """Return where labels of `values` go, in their units: LINE pixels apart, as near as possible.

    `height`, in pixels, is that of the axis `domain`.
    """
    low, high = domain
    if high <= low:
        return list(values)
    order = sorted(range(len(values)), key=lambda i: values[i])
    unit = (high - low) / height
    blocks: list[list[float]] = []  # [first position, number of labels]
    for i in order:
        blocks.append([(values[i] - low) / unit, 1])
        while len(blocks) > 1 and blocks[-1][0] < blocks[-2][0] + LINE * blocks[-2][1]:
            _merge(blocks)
    positions = [first + LINE * k for first, n in blocks for k in range(int(n))]
    placed = list(values)
    for i, position in zip(order, positions, strict=True):
        placed[i] = low + position * unit
    return placed


def _merge(blocks: list[list[float]]) -> None:
    """Join the last two blocks around their mean position."""
    upper, lower = blocks.pop(), blocks.pop()
    n = lower[1] + upper[1]
    first = (lower[0] * lower[1] + (upper[0] - LINE * lower[1]) * upper[1]) / n
    blocks.append([first, n])


@dataclass(frozen=True)
class Placement:
    """A label's position relative to its dot, in pixels, and its alignment."""

    dx: int
    dy: int
    align: str


def _candidates(radius: float) -> list[Placement]:
    """Return the positions around a dot, the best first."""
    side, above, below = round(radius + 4), -round(radius + 8), round(radius + 9)
    sides = [("left", side), ("right", -side)]
    return [
        *(Placement(0, dy, "center") for dy in (above, below)),
        *(Placement(dx, dy, align) for dy in (0, above, below) for align, dx in sides),
        *(Placement(0, dy, "center") for dy in (above - LINE, below + LINE)),
    ]


_Box = tuple[float, float, float, float]  # left, top, right, bottom


def position_labels(
    points: Sequence[tuple[float, float]], texts: Sequence[str], width: float, radius: float = 5
) -> list[Placement | None]:
    """Return each label's position beside its dot, None where no free one is left.

    `points` are in pixels from the chart's upper left corner; the first ones are placed first.
    `radius` is that of a dot.
    """
    taken: list[_Box] = [(x - radius, y - radius, x + radius, y + radius) for x, y in points]
    placed: list[Placement | None] = []
    for (x, y), text in zip(points, texts, strict=True):
        boxes = [(_box(x, y, text, candidate), candidate) for candidate in _candidates(radius)]
        free = (pair for pair in boxes if _is_free(pair[0], taken, width))
        found = next(free, None)
        placed.append(found[1] if found else None)
        taken += [found[0]] if found else []
    return placed


def _box(x: float, y: float, text: str, at: Placement) -> _Box:
    length = _CHARACTER * len(text)
    left = x + at.dx - {"left": 0.0, "center": length / 2, "right": length}[at.align]
    return left, y + at.dy - LINE / 2, left + length, y + at.dy + LINE / 2


def _is_free(box: _Box, taken: Sequence[_Box], width: float) -> bool:
    left, top, right, bottom = box
    if left < -40 or right > width + 10:  # there are an axis on the left and a margin on the right
        return False
    return all(right <= a or left >= c or bottom <= b or top >= d for a, b, c, d in taken)
