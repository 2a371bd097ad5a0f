"""The figures as files for papers (SVG, PNG, PDF) and as specifications for the page."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cnncompare.plotting.render import to_png, to_svg, vega_lite
from cnncompare.report.charts.figure import Figure
from cnncompare.runs.storage import write_atomically


def page_specification(figure: Figure) -> dict[str, Any]:
    """Return the Vega-Lite specification that fills its container's width, without background."""
    return {
        **vega_lite(figure.chart),
        "width": "container",
        "height": figure.height,
        "background": None,
        "autosize": {"type": "fit-x", "contains": "padding"},
    }


def write_figures(figures: Iterable[Figure], folder: Path) -> dict[str, str]:
    """Write each figure as .svg, .png and .pdf; return the stem of its files by its name."""
    import vl_convert

    folder.mkdir(parents=True, exist_ok=True)
    figures = list(figures)
    stems = figure_stems(figures)
    for figure in figures:
        stem = stems[figure.name]
        svg = to_svg(figure.chart, width=figure.width, height=figure.height, title=figure.title)
        write_atomically(folder / f"{stem}.svg", svg.encode())
        write_atomically(folder / f"{stem}.png", to_png(svg))
        write_atomically(folder / f"{stem}.pdf", bytes(vl_convert.svg_to_pdf(svg)))
    return stems


def figure_stems(figures: Iterable[Figure]) -> dict[str, str]:
    """Return the stem of each figure's files by its name; all differ, whatever their case."""
    stems: dict[str, str] = {}
    for figure in figures:
        stems[figure.name] = _free(file_stem(figure.name), set(stems.values()))
    return stems


def file_stem(name: str) -> str:
    """Return `name` as the stem of a file name: letters, digits, dots and dashes."""
    return re.sub(r"[^A-Za-z0-9.+-]+", "-", name).strip("-.")[:80] or "figure"


def _free(stem: str, taken: set[str]) -> str:
    number, candidate = 2, stem
    while candidate.lower() in {name.lower() for name in taken}:
        candidate, number = f"{stem}-{number}", number + 1
    return candidate
