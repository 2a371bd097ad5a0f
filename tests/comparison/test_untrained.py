"""A network that did not train has no rank, enters no test, and is listed apart."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnncompare.comparison.compare import Comparison, compare_results
from cnncompare.comparison.load import load_results
from cnncompare.report.findings import table_findings
from cnncompare.report.json import comparison_json
from tests.comparison.factory import write_run

EVIDENCE = "validation accuracy 10.0 % does not exceed the 10.2 % of one class"


def finding(check: str) -> dict[str, Any]:
    return {"training": {"health": [{"check": check, "evidence": EVIDENCE, "advice": "lower it"}]}}


def write(root: Path, label: str, seed: int, accuracy: float, check: str | None = None) -> None:
    correct = np.random.default_rng(seed).permutation(400) < 400 * accuracy
    write_run(root, label, seed, correct, changes=finding(check) if check else None)


def compared(root: Path) -> Comparison:
    return compare_results(*load_results([root]))


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Two sound networks, one of whose four runs diverged, and one that never trained."""
    for seed in range(4):
        write(tmp_path, "good", seed, 0.95)
        write(tmp_path, "fair", seed, 0.85, "diverged" if seed == 3 else None)
        write(tmp_path, "failed", seed, 0.1, "at_chance")
    return tmp_path


def test_a_network_that_did_not_train_is_in_no_row_and_no_pair(study: Path) -> None:
    (table,) = compared(study).tables
    assert [row.label for row in table.rows] == ["good", "fair"]
    assert [row.label for row in table.untrained] == ["failed"]
    assert [{pair.a, pair.b} for pair in table.pairs] == [{"good", "fair"}]
    assert [row.letters for row in table.untrained] == [""]


def test_a_failed_seed_is_left_out_of_its_network_s_estimates(study: Path) -> None:
    (table,) = compared(study).tables
    fair = table.rows[1]
    assert (len(fair.group.results), fair.did_not_train) == (3, 1)
    assert fair.estimates["top1"].mean == pytest.approx(0.85)


def test_the_findings_name_both(study: Path) -> None:
    comparison = compared(study)
    text = " ".join(table_findings(comparison.tables[0], comparison.options))
    assert (
        "1 of 4 runs of fair did not train (95 % interval 5 to 70 %) and are left out: " + EVIDENCE
        in text
    )
    assert "failed did not train (test top-1 10.0 %) and is left out of all tests" in text


def test_the_json_counts_the_runs_that_did_not_train(study: Path) -> None:
    (table,) = json.loads(comparison_json(compared(study)))["tables"]
    counts = {g["label"]: (g["did_not_train"], g["letters"]) for g in table["groups"]}
    assert counts == {"good": (0, "a"), "fair": (1, "b"), "failed": (4, "")}


@pytest.mark.parametrize("check", ["still_rising", "few_steps", "images_left_out", "saturated"])
def test_other_findings_leave_a_run_in_the_comparison(check: str, tmp_path: Path) -> None:
    write(tmp_path, "a", 0, 0.9, check)
    (table,) = compared(tmp_path).tables
    assert (len(table.rows), table.rows[0].did_not_train) == (1, 0)


def test_without_a_trained_run_there_is_no_table(tmp_path: Path) -> None:
    write(tmp_path, "failed", 0, 0.1, "at_chance")
    comparison = compared(tmp_path)
    assert comparison.tables == []
    assert [skip.reason for skip in comparison.skipped] == [f"did not train: {EVIDENCE}"]


def test_a_run_that_failed_as_diverged_did_not_train(study: Path) -> None:
    correct = np.random.default_rng(9).permutation(400) < 380
    error = {"type": "Diverged", "message": "training loss is NaN in step 7"}
    changes = {"error": error, "test": dict.fromkeys(("acc1", "acc5", "loss", "correct1"))}
    write_run(study, "good", 4, correct, status="failed", changes=changes)
    comparison = compared(study)
    good = comparison.tables[0].rows[0]
    assert (good.label, len(good.group.results), good.did_not_train) == ("good", 4, 1)
    assert good.failure == "training loss is NaN in step 7"
    assert len(comparison.skipped) == 1


def test_a_seed_at_chance_beside_others_that_trained_did_not_train(tmp_path: Path) -> None:
    for seed, accuracy in enumerate((0.1, 0.95, 0.94)):
        write(tmp_path, "a", seed, accuracy)
        write(tmp_path, "b", seed, 0.9)
        write(tmp_path, "poor", seed, 0.1)  # each of its runs is at chance: health decides
    rows = {row.label: row for row in compared(tmp_path).tables[0].rows}
    assert {label: row.did_not_train for label, row in rows.items()} == {"a": 1, "b": 0, "poor": 0}
    assert rows["a"].failure == "seed 0 ended at chance, test top-1 10.0 %"
