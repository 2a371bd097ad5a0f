"""Vega-Lite charts as SVG and PNG, without a browser."""

import json
from typing import Any

import altair as alt

from cnncompare.language.catalogue import language

PNG_SCALE = 2  # pixels per point
CELL_TEXT = "#1c2126"  # on the light colours of matrix cells, in every theme
Chart = alt.Chart | alt.LayerChart | alt.FacetChart
_LOOKS: dict[str, Any] = {
    "view": {"stroke": None},
    "font": "system-ui, sans-serif",
    "axis": {"gridOpacity": 0.35, "domainColor": "#999", "tickColor": "#999"},
    "legend": {"symbolStrokeWidth": 2},
}


# fonts with Hangul of the usual systems, since a fallback may have another weight
_KOREAN_FONTS = (
    "Noto Sans KR, Noto Sans CJK KR, Apple SD Gothic Neo, Malgun Gothic, NanumGothic, system-ui, "
    "sans-serif"
)


class InlineRows(alt.InlineData):
    """Rows of a chart that its layers share; Altair would copy them for each layer and method."""

    def __deepcopy__(self, memo: object) -> "InlineRows":
        return self


def vega_lite(chart: Chart) -> dict[str, Any]:
    """Return the chart's Vega-Lite specification in the looks that all charts share."""
    specification: dict[str, Any] = chart.to_dict(validate=False)
    fonts = {"font": _KOREAN_FONTS} if language() == "ko" else {}
    specification["config"] = _LOOKS | fonts
    return specification


def to_svg(chart: Chart, *, width: int, height: int, title: str, subtitle: str = "") -> str:
    """Return the chart as SVG on a white background; `width` and `height` are the plot's, in pt."""
    import vl_convert

    texts = {"text": title} | ({"subtitle": subtitle} if subtitle else {})
    layout = {"width": width, "height": height, "background": "white", "title": texts}
    svg: str = vl_convert.vegalite_to_svg(json.dumps({**vega_lite(chart), **layout}))
    return svg


def to_png(svg: str) -> bytes:
    """Return the PNG file of an SVG image, PNG_SCALE pixels per point."""
    import vl_convert

    return bytes(vl_convert.svg_to_png(svg, scale=PNG_SCALE))


def has_hangul() -> bool:
    """Return whether an installed font has Hangul; without one, PNG files show boxes instead."""
    size = 'width="20" height="20"'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" {size}><text y="16">{{}}</text></svg>'
    return to_png(svg.format("가")) != to_png(svg.format("힣"))
