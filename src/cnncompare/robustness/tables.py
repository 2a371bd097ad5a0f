"""The results of ``cnncompare robustness`` as JSON and CSV."""

import csv
import io
from dataclasses import asdict
from typing import Any

from cnncompare.comparison.pairs import Pair
from cnncompare.comparison.robustness import RobustnessRow, RobustnessTable
from cnncompare.robustness.results import RobustnessResults
from cnncompare.runs.robustness_file import read_cells
from cnncompare.system import strict_json

COLUMNS = ("set", "model", "run", "seed", "corruption", "severity", "n", "correct1", "acc1")
_PAIR_KEYS = ("a", "b", "difference", "low", "high", "test", "p", "p_holm")


def results_json(results: RobustnessResults) -> str:
    """Return what ``robustness --json`` prints."""
    left_out = [skip for table in results.tables for skip in table.left_out]
    content = {
        "tables": [_table(table) for table in results.tables],
        "skipped": [asdict(skip) for skip in [*results.skipped, *results.broken, *left_out]],
    }
    return strict_json.dumps(content, indent=1)


def _table(table: RobustnessTable) -> dict[str, Any]:
    return {
        "set": table.suite,
        "data": table.rows[0].group.results[0].data_name,
        "n": table.n_images,
        "n_set": table.n_set,
        "corruptions": table.corruptions,
        "severities": table.severities,
        "groups": [_group(row, table) for row in table.rows],
        "pairs": [
            {"measure": measure} | _pair(pair)
            for measure, pairs in table.pairs.items()
            for pair in pairs
        ],
    }


def _group(row: RobustnessRow, table: RobustnessTable) -> dict[str, Any]:
    return {
        "label": row.label,
        "n_runs": len(row.group.results),
        "seeds": row.group.seeds,
        "runs": [result.record.id for result in row.group.results],
        **{name: asdict(getattr(row, name)) for name in ("clean", "corrupted", "drop")},
        "letters": row.letters,
        "ece": row.ece,
        "by_corruption": {name: row.mean(corruption=name) for name in table.corruptions},
        "by_severity": {str(level): row.mean(severity=level) for level in table.severities},
        "cells": [
            {"corruption": name, "severity": severity, "acc1": accuracy}
            for (name, severity), accuracy in row.cells.items()
        ],
    }


def _pair(pair: Pair) -> dict[str, Any]:
    values = {key: getattr(pair, key) for key in _PAIR_KEYS}
    return values | {"different": pair.significant, "verdict": pair.verdict, "margin": pair.margin}


def results_csv(results: RobustnessResults) -> str:
    """Return a table with a row for each run, corruption and severity."""
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for suite in results.suites:
        for evaluation in results.evaluations(suite):
            result = evaluation.planned.result
            saved = read_cells(evaluation.path)
            for name, severity in suite.all_cells:
                assert saved is not None
                correct = saved.cells[name, severity].top1 == saved.label
                n, right = len(correct), int(correct.sum())
                of_run = (suite.name, result.record.label, result.record.id, result.seed)
                table.writerow([*of_run, name, severity, n, right, right / n])
    return text.getvalue()
