"""A canvas for SVG drawings that stand alone: no external fonts, styles or images."""

from dataclasses import dataclass, field
from html import escape

FONT = "Helvetica, Arial, 'Liberation Sans', sans-serif"
INK = "#1c2126"
SOFT = "#5b6570"
# kind: (fill, stroke); the hues differ also for red-green deficiency
COLOURS = {
    "conv": ("#cfe3f5", "#0b62a8"),
    "linear": ("#e3d9f2", "#6a4ca0"),
    "pool": ("#fde3c4", "#b8650b"),
    "block": ("#d5ecd8", "#2f7d40"),
    "join": ("#ffffff", "#1c2126"),
    "image": ("#eceff2", "#5b6570"),
}
Point = tuple[float, float]
MARGIN = 18.0


@dataclass
class Canvas:
    """Collects shapes and texts; the size results from what was drawn."""

    shapes: list[str] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)

    def rectangle(
        self, x: float, y: float, width: float, height: float, kind: str, radius: float = 4.0
    ) -> None:
        """Draw a rectangle from its upper left corner, in the colours of a kind."""
        fill, stroke = COLOURS[kind]
        self.points += [(x, y), (x + width, y + height)]
        self.shapes.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
            f'rx="{radius:g}" fill="{fill}" stroke="{stroke}" stroke-width="1.3"/>'
        )

    def polygon(self, points: list[Point], kind: str, shade: float = 1.0) -> None:
        """Draw a polygon; `shade` below 1 lets it appear lighter."""
        fill, stroke = COLOURS[kind]
        self.points += points
        text = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.shapes.append(
            f'<polygon points="{text}" fill="{fill}" fill-opacity="{shade:g}" stroke="{stroke}" '
            'stroke-width="1.1" stroke-linejoin="round"/>'
        )

    def line(self, points: list[Point], arrow: bool = False, soft: bool = False) -> None:
        """Draw a line through the points, with an arrow head at its end or dashed."""
        self.points += points
        text = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        head = ' marker-end="url(#arrow)"' if arrow else ""
        dash = ' stroke-dasharray="3 2.5"' if soft else ""
        colour = SOFT if soft else INK
        self.shapes.append(
            f'<polyline points="{text}" fill="none" stroke="{colour}" stroke-width="1.1"'
            f"{dash}{head}/>"
        )

    def curve(self, start: Point, height: float, end: Point) -> None:
        """Draw an arrow from `start` to `end` that passes at the given height."""
        (x1, y1), (x2, y2) = start, end
        bend = min(22.0, (x2 - x1) / 3)
        self.points += [start, end, (x1, height)]
        self.shapes.append(
            f'<path d="M{x1:.1f},{y1:.1f} '
            f"C{x1 + bend:.1f},{height:.1f} {x1 + bend:.1f},{height:.1f} "
            f"{x1 + 1.6 * bend:.1f},{height:.1f} L{x2 - 1.6 * bend:.1f},{height:.1f} "
            f'C{x2 - bend:.1f},{height:.1f} {x2 - bend:.1f},{height:.1f} {x2:.1f},{y2:.1f}" '
            f'fill="none" stroke="{INK}" stroke-width="1.1" marker-end="url(#arrow)"/>'
        )

    def text(
        self, x: float, y: float, content: str, size: float = 12, bold: bool = False,
        soft: bool = False, anchor: str = "middle",
    ) -> None:  # fmt: skip
        """Write a line of text with its baseline at `y`; `anchor` is start, middle or end."""
        width = text_width(content, size)
        left = {"start": x, "middle": x - width / 2, "end": x - width}[anchor]
        self.points += [(left, y - size), (left + width, y + size / 4)]
        weight = ' font-weight="bold"' if bold else ""
        colour = SOFT if soft else INK
        self.shapes.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" text-anchor="{anchor}" '
            f'fill="{colour}"{weight}>{escape(content)}</text>'
        )

    def lines(self, x: float, y: float, contents: list[str], size: float = 12) -> None:
        """Write centred lines of text below each other, the first with its baseline at `y`."""
        for number, content in enumerate(contents):
            self.text(x, y + number * size * 1.25, content, size, soft=number > 0)

    def right(self) -> float:
        """Return the right end of the drawing."""
        return max(x for x, _ in self.points)

    def bottom(self) -> float:
        """Return the lower end of the drawing."""
        return max(y for _, y in self.points)

    def render(self, title: str) -> str:
        """Return the SVG document on a white background, with a title for screen readers."""
        left = min(x for x, _ in self.points) - MARGIN
        top = min(y for _, y in self.points) - MARGIN
        width, height = self.right() + MARGIN - left, self.bottom() + MARGIN - top
        body = "\n".join(self.shapes)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
            f'viewBox="{left:.1f} {top:.1f} {width:.1f} {height:.1f}" '
            f'font-family="{FONT}" role="img">\n'
            f"<title>{escape(title)}</title>\n{_ARROW}\n"
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" '
            f'fill="white"/>\n{body}\n</svg>\n'
        )


_ARROW = (
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="7" '
    'markerHeight="7" '
    f'orient="auto"><path d="M0,0.8 L8,4 L0,7.2 z" fill="{INK}"/></marker></defs>'
)


def text_width(content: str, size: float) -> float:
    """Return an estimate of the width of a text, which no font is needed for."""
    return 0.56 * size * len(content)


def shape_text(shape: tuple[int, ...]) -> str:
    """Return "64 @ 56x56" with a multiplication sign, or the number of features."""
    if len(shape) < 3 or shape[1:] == (1, 1):
        return f"{shape[0]:,}"
    channels, height, width = shape
    return f"{channels:,} @ {height}\N{MULTIPLICATION SIGN}{width}"
