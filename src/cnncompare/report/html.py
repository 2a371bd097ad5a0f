"""The report as one self-contained HTML page that works offline; all text is escaped."""

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
from cnncompare.comparison.robustness import RobustnessTable
from cnncompare.language.catalogue import language, marked, tr, trn
from cnncompare.language.recorded import recorded
from cnncompare.report.answer import answer, question, table_titles
from cnncompare.report.cells import fairness_cells, results_cells
from cnncompare.report.charts.build import Figures, figures_with_files
from cnncompare.report.charts.figure import Figure
from cnncompare.report.figures import page_specification
from cnncompare.report.findings import (
    across,
    headline,
    reason_for_tables,
    table_findings,
    tie_groups,
    tie_title,
)
from cnncompare.report.foot import foot
from cnncompare.report.formatting import difference, difference_number, pair_result, table_decimals
from cnncompare.report.glossary import sentences_with_definitions, with_definitions
from cnncompare.report.index import MOST_TABLES, index_of
from cnncompare.report.next_steps import next_steps
from cnncompare.report.robustness import robustness_section
from cnncompare.report.verdicts import settling_effort
from cnncompare.terminal.formatting import (
    UNKNOWN,
    enumeration,
    integer,
    number,
    p_value,
    percent,
    percentage,
    significant,
)

_TEMPLATES = files("cnncompare.report") / "page"
MOST_NAMES = 4  # of data sets, in the title


def render_page(
    comparison: Comparison,
    details: list[PredictionAnalysis | None],
    robustness: list[list[RobustnessTable]],
    figures: list[Figures],
    ranks: list[Figure],
    stems: dict[str, str],
    out: Path,
    command: str = "",
) -> str:
    """Return the page; its links to runs are relative to `out`, its foot states the command."""
    every = ranks + [figure for of_table in figures for figure in of_table.all()]
    specifications = {stems[figure.name]: page_specification(figure) for figure in every}
    titles = table_titles(comparison)
    tables = [
        _table(number, *each, comparison, out)
        for number, each in enumerate(
            zip(titles, comparison.tables, details, robustness, figures, strict=True), 1
        )
    ]
    return _template().render(
        title=_title(comparison),
        n_runs=sum(len(row.group.results) for t in comparison.tables for row in t.rows),
        reason_for_tables=reason_for_tables(comparison),
        across=across(comparison),
        ranks=ranks,
        tables=tables,
        index=index_of(comparison) if len(tables) > 1 else [],
        collapsed=len(tables) > MOST_TABLES,
        skipped=comparison.skipped,
        stems=stems,
        drawn={stems[figure.name] for figure in figures_with_files(figures, ranks)},
        # a "<" in a name could end the script element
        specifications=json.dumps(specifications).replace("<", "\\u003c"),
        foot=foot(comparison, command),
        css=_read("style.css"),
        script=_script(),
        vega=_vega(),
    )


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"glossed": with_definitions, "recorded": recorded}
    environment.globals |= {"tr": tr, "trn": trn, "language": language}
    return environment.from_string(_read("page.html.j2"))


def _read(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def _script() -> str:
    """Return the script, with its only sentence in the language of the page."""
    sentence = marked("This figure could not be drawn.")
    return _read("script.js").replace(sentence, tr(sentence))


@cache
def _vega() -> str:
    import vl_convert

    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return bundle.replace("</script", "<\\/script")


def _title(comparison: Comparison) -> str:
    """Return the answer of the only table, or the extent of several ones."""
    tables = comparison.tables
    if len(tables) == 1:
        return answer(tables[0], comparison.options)
    names = list(dict.fromkeys(t.rows[0].group.results[0].data_name for t in tables))
    on = enumeration(names)
    if len(names) > MOST_NAMES:
        on = tr("{n} data sets", n=len(names))
    return tr("{n} comparisons of CNNs on {data}", n=len(tables), data=on)


def _table(
    number: int,
    title: str,
    table: ComparedTable,
    details: PredictionAnalysis | None,
    robustness: list[RobustnessTable],
    figures: Figures,
    comparison: Comparison,
    out: Path,
) -> dict[str, Any]:
    """Return the template's values of a table's section."""
    options = comparison.options
    decimals = table_decimals(table)
    return {
        "number": number,
        "title": title,
        "question": question(table, options),
        "answer": answer(table, options),
        "headline": headline(table),
        "findings": sentences_with_definitions(table_findings(table, options)),
        "tie_title": tie_title(table),
        "ties": tie_groups(table) if len(table.rows) > 1 else [],
        "results": results_cells(table, options),
        "fairness": fairness_cells(table),
        "protocol": {key: _plain(value) for key, value in table.protocol.items()},
        "pairs": [_pair(pair, options.metric, decimals) for pair in table.pairs],
        "budgets": _budgets(table, decimals),
        "figures": figures,
        "notes": _prediction_notes(details, decimals) if details else [],
        "robustness": [robustness_section(found) for found in robustness],
        "next_steps": next_steps(table),
        "groups": [
            {"label": row.label, "runs": [_run(result, out) for result in row.group.results]}
            for row in table.rows
        ],
    }


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}={inner}" for key, inner in value.items()) or "none"
    return UNKNOWN if value is None else str(value)


def _pair(pair: Pair, metric: Metric, decimals: int) -> dict[str, Any]:
    bounds = [difference_number(bound, metric, decimals) for bound in (pair.low, pair.high)]
    wins = (integer(pair.wins_a), integer(pair.wins_b))
    return {
        "a": pair.a,
        "b": pair.b,
        "value": pair.difference,
        "difference": difference(pair.difference, metric, decimals, signed=True),
        "bounds": UNKNOWN
        if UNKNOWN in bounds
        else tr("{low} to {high}", low=bounds[0], high=bounds[1]),
        "test": pair.test,
        "p": p_value(pair.p),
        "p_holm": p_value(pair.p_holm),
        "p_value": pair.p_holm,
        "effect": number(pair.effect, "+.2f"),
        "wins": UNKNOWN if UNKNOWN in wins else " : ".join(wins),
        "result": pair_result(pair),
        "same_within": difference(pair.same_within, metric, decimals),
        "settling_effort": settling_effort(pair),
        "detectable": difference(pair.plan.detectable if pair.plan else None, metric, decimals),
    }


def _budgets(table: ComparedTable, decimals: int) -> dict[str, Any]:
    heads = [_budget_name(budget) for budget in table.budgets]
    rows = [
        [row.label, *(percentage(b.acc1.get(row.label), decimals) for b in table.budgets)]
        for row in table.rows
    ]
    return {"heads": heads, "rows": rows if heads and len(rows) > 1 else []}


def _budget_name(budget: BudgetComparison) -> str:
    if budget.unit == "MACs":
        return f"{significant(budget.budget / 1e9)} GMACs"
    if budget.unit == "seconds":
        return tr("{seconds} s", seconds=significant(budget.budget))
    return f"{significant(budget.budget)} {tr(budget.unit)}"


def _prediction_notes(details: PredictionAnalysis, decimals: int) -> list[str]:
    """Return the sentences on the predictions that accompany the figures of errors."""
    notes = []
    if details.vote is not None:
        single = max(float(outcome.correct1.mean()) for outcome in details.chosen.values())
        message = marked(
            "A majority vote of one run per model reaches {vote}; the best of these runs alone, "
            "{single}."
        )
        vote, best = percent(details.vote, decimals), percent(single, decimals)
        notes.append(tr(message, vote=vote, single=best))
    only = [f"{label} {integer(len(n))}" for label, n in details.solely_correct.items() if len(n)]
    if only:
        message = marked("Test images that only one model classifies correctly: {models}.")
        notes.append(tr(message, models=enumeration(only)))
    return notes


def _sample(result: Result) -> str:
    """Return "seed 0" or, for a fold, "fold 1, seed 0"."""
    section, seed = result.data.resampling, tr("seed {seed}", seed=result.seed)
    if section is None:
        return seed
    if section.method == "folds":
        return ", ".join([tr("fold {number}", number=section.number), seed])
    return ", ".join([tr("hold-out {number}", number=section.number), seed])


def _run(result: Result, out: Path) -> dict[str, Any]:
    record, folder = result.record, result.run.folder
    relative = quote(Path(os.path.relpath(folder, out.resolve())).as_posix())
    argv = record.environment.argv if record.environment else []
    return {
        "id": record.id,
        "sample": _sample(result),
        "acc1": percent(record.test.acc1, 2),
        "files": [
            {"name": name, "href": f"{relative}/{name}"}
            for name in ("run.json", "config.yaml", "epochs.csv", "run.log")
            if (folder / name).exists()
        ],
        "folder": relative,
        "command": shlex.join(argv),
    }
