"""Pictures as files: SVG, PNG and PDF for papers, without a browser."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cnncompare.report.charts.figure import Picture

PNG_SCALE = 2  # pixels per point
_LOOKS: dict[str, Any] = {
    "view": {"stroke": None},
    "font": "system-ui, sans-serif",
    "axis": {"gridOpacity": 0.35, "domainColor": "#999", "tickColor": "#999"},
    "legend": {"symbolStrokeWidth": 2},
}


def in_html(picture: Picture) -> dict[str, Any]:
    """Return the Vega-Lite specification that fills its place's width, without a background."""
    size = {"width": "container", "height": picture.height}
    return {**_spec(picture), **size, "background": None, "autosize": _FIT}


_FIT = {"type": "fit-x", "contains": "padding"}


def _spec(picture: Picture) -> dict[str, Any]:
    spec: dict[str, Any] = picture.chart.to_dict(validate=False)
    spec["config"] = _LOOKS
    return spec


def file_name(name: str) -> str:
    """Return `name` as a file's stem: letters, digits, dots and dashes."""
    return re.sub(r"[^A-Za-z0-9.+-]+", "-", name).strip("-.")[:80] or "picture"


def write_figures(pictures: Iterable[Picture], folder: Path) -> dict[str, str]:
    """Write each picture as NAME.svg, .png and .pdf; return the files' stem by picture's name."""
    import vl_convert

    folder.mkdir(parents=True, exist_ok=True)
    stems: dict[str, str] = {}
    for picture in pictures:
        stem = _free(file_name(picture.name), set(stems.values()))
        stems[picture.name] = stem
        size = {"width": picture.width, "height": picture.height, "background": "white"}
        spec = json.dumps({**_spec(picture), **size, "title": picture.title})
        svg = vl_convert.vegalite_to_svg(spec)
        (folder / f"{stem}.svg").write_text(svg, encoding="utf-8")
        (folder / f"{stem}.png").write_bytes(vl_convert.svg_to_png(svg, scale=PNG_SCALE))
        (folder / f"{stem}.pdf").write_bytes(vl_convert.svg_to_pdf(svg))
    return stems


def _free(stem: str, taken: set[str]) -> str:
    number, found = 2, stem
    while found.lower() in {name.lower() for name in taken}:
        found, number = f"{stem}-{number}", number + 1
    return found
