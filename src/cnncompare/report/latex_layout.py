"""LaTeX tables that fit a column of 345 pt, and text that LaTeX can break into lines."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

COLUMN_PT = 345  # \textwidth of the class article at 10 pt
_FONTS = {
    r"\small": 5.2,
    r"\footnotesize": 4.7,
    r"\scriptsize": 4.2,
    r"\tiny": 3.8,
}  # pt per character
_GAPS_PT = (6, 3)  # \tabcolsep, half of the gap between two columns
_NARROWEST_PT = 55  # a column of names
_UNWRAPPED = 4  # combinations of font and gap that are tried before names are wrapped

_TEX = str.maketrans(
    {c: f"\\{c}" for c in "&%$#_{}"}
    | {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"}
    | {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "\n": " ", '"': "''"}
    | {"\N{EN DASH}": "--", "\N{MIDDLE DOT}": r"\textperiodcentered{}", "…": r"\dots{}"}
    | {"\N{MULTIPLICATION SIGN}": r"$\times$", "[": "{[}", "]": "{]}"}
)
_LONG = 13  # characters from which a name that is no plain English may break
_IDENTIFIER = re.compile(rf"\S*[\d_./=#]\S*|\w{{{2 * _LONG},}}")
_BREAKS = re.compile(r"([-_./=,:#+]|[^\W_]{8}(?=[^\W_]{4}))(?=\S)")


@dataclass(frozen=True)
class Cell:
    """A cell as LaTeX, and as plain text, whose length gives its width."""

    tex: str
    text: str


def escaped(text: str) -> str:
    """Return the text as LaTeX, with points in long names where a line may break."""
    return " ".join(map(_escaped_token, text.split(" ")))


def _escaped_token(token: str) -> str:
    if len(token) < _LONG or not _IDENTIFIER.fullmatch(token):
        return token.translate(_TEX)
    parts = _BREAKS.sub("\\1\0", token).split("\0")
    return r"\allowbreak{}".join(part.translate(_TEX) for part in parts)


def plain(text: str) -> Cell:
    """Return a cell of plain text; a negative number has a minus sign."""
    if re.fullmatch(r"[-+]?[\d.,]+(e[-+]?\d+)?( to [-+]?[\d.,]+)?", text):
        return Cell(re.sub(r"(?<![\de])([-+])", r"$\1$", text), text)
    return Cell(escaped(text), text)


def tabular(heads: list[str], rows: list[list[Cell]], numeric: list[bool]) -> str:
    """Return a tabular environment in the largest font in which it is COLUMN_PT wide at most."""
    one_line = [[Cell(_head(head), head) for head in heads], *rows]
    two_lines = [[_stacked(head) for head in heads], *rows]
    texts = one_line if _fits(one_line) else two_lines
    font, gap, widths = _layout(_lengths(texts), numeric)
    kinds = "".join(
        f"p{{{width:.0f}pt}}" if width else "r" if number else "l"
        for width, number in zip(widths, numeric, strict=True)
    )
    lines = [_line(row, widths) for row in texts]
    return "\n".join(
        [
            rf"{font}\setlength{{\tabcolsep}}{{{gap}pt}}",
            rf"\begin{{tabular}}{{@{{}}{kinds}@{{}}}}",
            r"\toprule",
            lines[0],
            r"\midrule",
            *lines[1:],
            r"\bottomrule",
            r"\end{tabular}",
        ]
    )


def _lengths(texts: Sequence[Sequence[Cell]]) -> list[int]:
    return [max(len(row[i].text) for row in texts) for i in range(len(texts[0]))]


def _fits(texts: Sequence[Sequence[Cell]]) -> bool:
    lengths = _lengths(texts)
    largest = next(iter(_FONTS.values()))
    return sum(lengths) * largest <= _room(lengths, _GAPS_PT[0])


def _head(head: str) -> str:
    return "$n$" if head == "n" else "$p$" if head == "p" else escaped(head)


def _stacked(head: str) -> Cell:
    """Return a heading in two lines, its unit in the second."""
    first, _, last = head.rpartition(" ")
    if not first:
        return Cell(_head(head), head)
    tex = rf"\shortstack[r]{{{escaped(first)}\\{escaped(last)}}}"
    return Cell(tex, max(first, last, key=len))


def _line(row: Sequence[Cell], widths: Sequence[float]) -> str:
    cells = [
        rf"\raggedright {cell.tex}" if width and i < len(row) - 1 else cell.tex
        for i, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return " & ".join(cells) + r" \\"


def _layout(lengths: list[int], numeric: list[bool]) -> tuple[str, int, list[float]]:
    """Return the font, the gap and the width of each wrapped column, 0 for the others."""
    names = [i for i, number in enumerate(numeric) if not number]
    sizes = [(font, gap) for font in _FONTS for gap in _GAPS_PT]
    for font, gap in sizes[:_UNWRAPPED]:
        if sum(lengths) * _FONTS[font] <= _room(lengths, gap):
            return font, gap, [0.0] * len(lengths)
    for font, gap in sizes:
        fixed = sum(n for i, n in enumerate(lengths) if i not in names) * _FONTS[font]
        room = _room(lengths, gap) - fixed
        if widths := _shared([lengths[i] * _FONTS[font] for i in names], room):
            by_column = dict(zip(names, widths, strict=True))
            return font, gap, [by_column.get(i, 0.0) for i in range(len(lengths))]
    return r"\tiny", _GAPS_PT[-1], [0.0] * len(lengths)


def _room(lengths: list[int], gap: int) -> float:
    return COLUMN_PT - 2 * gap * (len(lengths) - 1)


def _shared(wanted: list[float], room: float) -> list[float]:
    """Divide the room among columns of names, each at most as wide as wanted; [] if too narrow."""
    least = [min(width, _NARROWEST_PT) for width in wanted]
    spare, more = room - sum(least), sum(wanted) - sum(least)
    if spare < 0 or not wanted:
        return []
    share = min(1.0, spare / more) if more else 0.0
    return [low + (width - low) * share for low, width in zip(least, wanted, strict=True)]
