"""The verdicts as one HTML page that works offline; all text is escaped."""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import jinja2

from cnncompare.terminal.formatting import duration
from cnncompare.trial.curves import draw, error_curves, gradient_curves
from cnncompare.trial.judge import TrialVerdict
from cnncompare.trial.sentences import (
    certainty,
    judgement_sentence,
    unreached,
    verdict_text,
)
from cnncompare.trial.what_was_run import scope_sentence, seconds_of


def render_verdicts(verdicts: Sequence[TrialVerdict]) -> str:
    """Return the page with one section per trial."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = (files("cnncompare.trial") / "page.html.j2").read_text(encoding="utf-8")
    style = files("cnncompare.report") / "page" / "style.css"
    return environment.from_string(template).render(
        trials=[_trial(verdict) for verdict in verdicts],
        n_comparisons=sum(len(v.judgements) for v in verdicts if not v.trial.config.is_control),
        css=style.read_text(encoding="utf-8"),
    )


def _trial(verdict: TrialVerdict) -> dict[str, Any]:
    config = verdict.trial.config
    charts = [curves(verdict.results) for curves in (error_curves, gradient_curves)]
    late = unreached(verdict)
    return {
        "name": verdict.trial.name,
        "title": f"{config.number}. {config.title}"
        if config.number
        else f"Control: {config.title}",
        "claim": config.claim,
        "source": config.source,
        "verdict": verdict_text(verdict),
        "status": verdict.status.replace(" ", "-"),
        "scope": scope_sentence(verdict),
        "variants": config.variants,
        "judgements": [
            {"sentence": judgement_sentence(j), "certainty": certainty(j), "status": j.status}
            for j in verdict.judgements
        ],
        "notes": [
            *([late] if late else []),
            *verdict.failures,
            *([config.note] if config.note else []),
        ],
        "seconds": duration(seconds_of(verdict)),
        "charts": [{"title": c.title, "svg": draw(c)} for c in charts if c is not None],
    }
