"""The page: one self-contained file that works offline; every text is escaped."""

import json
import os
import shlex
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2

from cnncompare.comparison.compare import ComparedTable, Comparison
from cnncompare.comparison.learning_curves import BudgetComparison
from cnncompare.comparison.load import Result
from cnncompare.comparison.metrics import Metric
from cnncompare.comparison.pairs import Pair
from cnncompare.comparison.predictions import PredictionAnalysis
from cnncompare.report.charts.build import Pictures
from cnncompare.report.charts.figure import Picture
from cnncompare.report.columns import Column, columns, fairness_columns
from cnncompare.report.figures import in_html
from cnncompare.report.findings import (
    across,
    headline,
    settles,
    tie_groups,
    verdict,
    why_split,
)
from cnncompare.report.formatting import NOTHING, digits_for, gap, listed, p_value, percent, short

_PLACE = files("cnncompare.report") / "page"


def html(
    comparison: Comparison,
    found: list[PredictionAnalysis | None],
    drawn: list[Pictures],
    ranks: list[Picture],
    stems: dict[str, str],
    out: Path,
) -> str:
    """Return the page; its links to runs are relative to `out`."""
    every = ranks + [picture for each in drawn for picture in each.every()]
    specs = {stems[picture.name]: in_html(picture) for picture in every}
    tables = [
        _table(number, *each, comparison, out)
        for number, each in enumerate(zip(comparison.tables, found, drawn, strict=True), start=1)
    ]
    return _template().render(
        title=_title(comparison),
        n_runs=sum(len(row.group.results) for t in comparison.tables for row in t.rows),
        why_split=why_split(comparison),
        across=across(comparison),
        ranks=ranks,
        tables=tables,
        skipped=comparison.skipped,
        stems=stems,
        # "<" would end the script element, whatever a name holds
        specs=json.dumps(specs).replace("<", "\\u003c"),
        css=_read("style.css"),
        script=_read("script.js"),
        vega=_vega(),
    )


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_read("page.html.j2"))


def _read(name: str) -> str:
    return (_PLACE / name).read_text(encoding="utf-8")


@cache
def _vega() -> str:
    import vl_convert

    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;").replace(
        "</script", "<\\/script"
    )


def _title(comparison: Comparison) -> str:
    names = dict.fromkeys(t.rows[0].group.results[0].data_name for t in comparison.tables)
    return (
        f"Which network for {listed(list(names)) if len(names) < 5 else f'{len(names)} data sets'}?"
    )


def _table(
    number: int,
    table: ComparedTable,
    details: PredictionAnalysis | None,
    drawn: Pictures,
    comparison: Comparison,
    out: Path,
) -> dict[str, Any]:
    options = comparison.options
    digits = digits_for(table.rows[0].group.results[0].data.n_test)
    return {
        "number": number,
        "headline": headline(table),
        "verdict": verdict(table, options),
        "ties": tie_groups(table) if len(table.rows) > 1 else [],
        "main": _cells(table, columns(table, options)),
        "fairness": _cells(table, fairness_columns(table)),
        "protocol": {k: _plain(v) for k, v in table.protocol.items()},
        "pairs": [_pair(pair, options.metric, digits) for pair in table.pairs],
        "budgets": _budgets(table, digits),
        "pictures": drawn,
        "notes": _notes(details, digits) if details else [],
        "groups": [
            {"label": row.label, "runs": [_run(result, out) for result in row.group.results]}
            for row in table.rows
        ],
    }


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k}={v}" for k, v in value.items()) or "none"
    return NOTHING if value is None else str(value)


def _cells(table: ComparedTable, shown: list[Column]) -> dict[str, Any]:
    rows = [[{"text": c.text(row), "value": c.value(row)} for c in shown] for row in table.rows]
    return {"columns": shown, "rows": rows}


def _pair(pair: Pair, metric: Metric, digits: int) -> dict[str, Any]:
    plan = pair.plan
    bounds = NOTHING
    if pair.low is not None and pair.high is not None:
        low, high = (gap(x, metric, digits).removesuffix(" points") for x in (pair.low, pair.high))
        bounds = f"{low} to {high}"
    return {
        "a": pair.a,
        "b": pair.b,
        "value": pair.difference,
        "difference": gap(pair.difference, metric, digits, signed=True),
        "bounds": bounds,
        "test": pair.test,
        "p": p_value(pair.p),
        "p_holm": p_value(pair.p_holm),
        "p_value": pair.p_holm,
        "effect": NOTHING if pair.effect is None else f"{pair.effect:+.2f}",
        "wins": NOTHING if pair.wins_a is None else f"{pair.wins_a:,} : {pair.wins_b:,}",
        "different": pair.significant,
        "settles": settles(pair),
        "detectable": gap(plan.detectable if plan else None, metric, digits),
    }


def _budgets(table: ComparedTable, digits: int) -> dict[str, Any]:
    heads = [_budget_name(budget) for budget in table.budgets]
    rows = [
        [row.label, *(percent(b.acc1.get(row.label), digits) for b in table.budgets)]
        for row in table.rows
    ]
    return {"heads": heads, "rows": rows if heads and len(rows) > 1 else []}


def _budget_name(budget: BudgetComparison) -> str:
    if budget.unit == "MACs":
        return f"{budget.budget / 1e12:.3g} x 10^12 MACs"
    return f"{short(budget.budget)} {budget.unit}"


def _notes(details: PredictionAnalysis, digits: int) -> list[str]:
    """Return what the predictions say in words, beside the pictures."""
    found = []
    if details.vote is not None:
        single = max(float(o.correct1.mean()) for o in details.chosen.values())
        found.append(
            f"A majority vote of one run of each model gets {percent(details.vote, digits)} %; "
            f"the best of these runs alone {percent(single, digits)} %."
        )
    alone = {label: len(images) for label, images in details.solely_correct.items() if len(images)}
    if alone:
        counts = listed([f"{label} {n:,}" for label, n in alone.items()])
        found.append(f"Test images that only one model gets right: {counts}.")
    for label, classes in details.never.items():
        if classes:
            names = listed([details.names[i] for i in classes[:8]])
            more = f" and {len(classes) - 8} more" if len(classes) > 8 else ""
            found.append(f"{label} never predicts {names}{more}.")
    return found


def _run(result: Result, out: Path) -> dict[str, Any]:
    record, folder = result.record, result.run.folder
    place = quote(Path(os.path.relpath(folder, out.resolve())).as_posix())
    argv = record.environment.argv if record.environment else []
    return {
        "id": record.id,
        "seed": result.seed,
        "acc1": percent(record.test.acc1, 2),
        "files": [
            {"name": name, "href": f"{place}/{name}"}
            for name in ("run.json", "config.yaml", "epochs.csv", "run.log")
            if (folder / name).exists()
        ],
        "folder": place,
        "command": shlex.join(argv),
    }
