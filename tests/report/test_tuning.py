"""Tuned networks in the report: rows, tables and the curve of the expected best."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnncompare.comparison.compare import Comparison, compare_results
from cnncompare.comparison.load import load_runs
from cnncompare.errors import UserError
from cnncompare.report.charts.tuning import tuning_figure
from cnncompare.report.command import main
from cnncompare.report.findings import table_findings
from tests.comparison.factory import write_run

SPACE = "lr=0.1:10"
RIGHT = np.arange(400) % 10 > 0
WORSE = np.arange(400) % 3 > 0


def tuning(setting: str, recipe: str, trials: int | None = 3, **other: Any) -> dict[str, Any]:
    section = {"setting": setting, "trials": trials, "space": SPACE, **other}
    return {"training": {"tuning": section, "recipe_hash": recipe}}


def write_tuned(root: Path, label: str, right: Any, trials: int = 3) -> None:
    for setting in ("default", "tuned"):
        changes = tuning(setting, f"{label} {setting} {trials}", trials)
        lr = trials + (0.5 if setting == "tuned" else 0.0)  # another folder for each
        write_run(root, label, 0, right, changes=changes, lr=lr)


def write_trial(root: Path, label: str, number: int, val_acc1: float | None) -> None:
    changes = tuning("trial", f"{label} {number}", None, trial=number)
    changes["test"] = dict.fromkeys(("acc1", "acc5", "loss", "n", "correct1", "correct5"))
    changes["best"] = {"val_acc1": val_acc1}
    if val_acc1 is None:
        changes |= {"status": "failed", "error": {"type": "Diverged", "message": "not finite"}}
    folder = write_run(root, label, 0, RIGHT, changes=changes, lr=number / 10 + 0.01)
    (folder / "predictions.npz").unlink()


def compared(root: Path) -> Comparison:
    loaded = load_runs([root])
    return compare_results(loaded.results, loaded.skipped, trials=loaded.trials)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    for label, accuracies in (("lenet5", (0.5, 0.8, None)), ("resnet20", (0.9, 0.7, 0.8))):
        write_tuned(tmp_path, label, RIGHT if label == "resnet20" else WORSE)
        for number, accuracy in enumerate(accuracies, start=1):
            write_trial(tmp_path, label, number, accuracy)
    return tmp_path


def test_default_and_tuned_are_rows_of_one_table(study: Path) -> None:
    comparison = compared(study)
    (table,) = comparison.tables
    assert sorted(row.label for row in table.rows) == [
        "lenet5 default",
        "lenet5 tuned (3 trials)",
        "resnet20 default",
        "resnet20 tuned (3 trials)",
    ]
    assert table.protocol["tuning"] == {"trials": 3, "space": SPACE}
    assert comparison.skipped == []
    text = " ".join(table_findings(table, comparison.options))
    assert f"of 3 trials in the space {SPACE}, the same for each network" in text
    assert "Without a default or a tuned row" not in text


def test_the_curve_by_hand_and_a_diverged_trial_counts_as_0(study: Path) -> None:
    (table,) = compared(study).tables
    lenet, resnet = table.tuning
    assert (lenet.label, resnet.label) == ("lenet5", "resnet20")
    assert lenet.acc1 == [0.5, 0.8, 0.0]
    assert resnet.acc1 == [0.9, 0.7, 0.8]
    # of two draws from 0, 0.5, 0.8: probabilities 1/9, 3/9, 5/9 of being the best
    assert lenet.expected[1].mean == pytest.approx(0.5 * 3 / 9 + 0.8 * 5 / 9)
    assert lenet.expected[0].mean == pytest.approx(1.3 / 3)
    figure = tuning_figure(table)
    assert figure is not None
    assert "lenet5" in figure.alt_text


def test_other_trials_and_untuned_networks_are_in_other_tables(study: Path) -> None:
    write_tuned(study, "lenet5", WORSE, trials=2)
    write_run(study, "lenet5", 0, WORSE)
    found = compared(study).tables
    tables = {(table.protocol.get("tuning") or {}).get("trials"): table for table in found}
    assert set(tables) == {3, 2, None}
    assert [len(curve.acc1) for curve in tables[2].tuning] == [2]
    assert tables[None].tuning == []
    assert tuning_figure(tables[None]) is None
    assert [row.label for row in tables[None].rows] == ["lenet5"]


def test_a_network_without_a_tuned_row_is_named(study: Path) -> None:
    write_run(study, "vgg11", 0, RIGHT, changes=tuning("default", "vgg11 default"))
    comparison = compared(study)
    text = " ".join(table_findings(comparison.tables[0], comparison.options))
    assert "Without a default or a tuned row: vgg11." in text


def test_trials_alone_cannot_be_compared(tmp_path: Path) -> None:
    write_trial(tmp_path, "lenet5", 1, 0.5)
    with pytest.raises(UserError, match="a trial of a tuning, which is not tested"):
        main([str(tmp_path)])
