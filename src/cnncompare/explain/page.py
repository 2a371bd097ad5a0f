"""The explanation as one HTML page that works offline; all text is escaped."""

from importlib.resources import files
from typing import Any

import jinja2

from cnncompare.explain.console import form_text
from cnncompare.explain.explanation import Explanation
from cnncompare.explain.png_images import MOST_MAPS, filters_as_png, image_as_png, maps_as_png
from cnncompare.explain.rows import layer_rows
from cnncompare.explain.sentences import dead_sentence, form_sentence
from cnncompare.explain.trained import TrainedNetwork
from cnncompare.terminal.formatting import percent


def render_explanation(
    explanation: Explanation, drawing: str, trained: TrainedNetwork | None = None
) -> str:
    """Return the page; `drawing` is an SVG document."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = (files("cnncompare.explain") / "page.html.j2").read_text(encoding="utf-8")
    style = files("cnncompare.report") / "page" / "style.css"
    row, table = explanation.subject.row, explanation.table
    return environment.from_string(template).render(
        name=explanation.subject.name,
        paper=row["paper"],
        source=explanation.subject.source,
        idea=explanation.idea,
        drawing=drawing,
        form=form_sentence(explanation),
        rows=layer_rows(table),
        params=table.params,
        macs=table.macs,
        changes=row["small_image_changes"],
        changed=[
            {"name": c.name, "original": form_text(c.original), "small": form_text(c.small)}
            for c in explanation.changed_layers
        ],
        trained=None if trained is None else _trained(trained),
        css=style.read_text(encoding="utf-8"),
    )


def _trained(trained: TrainedNetwork) -> dict[str, Any]:
    layer, weights = trained.filters or ("", None)
    return {
        "run": trained.run.record.id,
        "layer": layer,
        "filters": None if weights is None else filters_as_png(weights),
        "caption": ""
        if weights is None
        else _caption(len(weights), "scaled by its largest weight"),
        "image": None if trained.image is None else image_as_png(trained.image),
        "image_name": trained.image_name,
        "maps": [
            {
                "name": name,
                "shape": "x".join(map(str, maps.shape)),
                "url": maps_as_png(maps),
                "caption": _caption(len(maps), "scaled from its smallest to its largest value"),
            }
            for name, maps in trained.maps.items()
        ],
        "dead_sentence": dead_sentence(trained),
        "dead": [
            {
                "name": of.layer,
                "filters": of.filters,
                "dead": len(of.dead),
                "share": percent(len(of.dead) / of.filters),
            }
            for of in trained.dead or []
        ],
    }


def _caption(n: int, scaling: str) -> str:
    shown = f"The first {MOST_MAPS} of {n}" if n > MOST_MAPS else f"All {n}"
    return f"{shown}; each is {scaling}."
