"""Networks with one budget share a table, whatever their numbers of epochs."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnncompare.comparison.compare import compare_results
from cnncompare.comparison.load import load_results
from cnncompare.report.columns import result_columns
from cnncompare.report.findings import headline, table_findings
from cnncompare.report.json import comparison_json
from tests.comparison.factory import write_run

RIGHT = np.arange(400) % 10 > 0
WORSE = np.arange(400) % 3 > 0


def budget(used: float, **asked: float) -> dict[str, Any]:
    section = {**asked, "per_epoch": 3.0, "used": used}
    return {"training": {"budget": section, "recipe_hash": str(asked)}}


def write_pair(root: Path, used: float = 600.0, **changes: Any) -> None:
    for seed in range(2):
        values: dict[str, Any] = {"changes": budget(600.0, seconds=600.0), **changes}
        write_run(root, "lenet5", seed, WORSE, epochs=200 + seed, **values)
        other: dict[str, Any] = {"changes": budget(used, seconds=600.0)}
        other["changes"]["training"]["recipe_hash"] = "resnet18"
        write_run(root, "resnet18", seed, RIGHT, epochs=10, **other)


def test_other_epochs_share_a_table_of_one_budget(tmp_path: Path) -> None:
    write_pair(tmp_path)
    comparison = compare_results(*load_results([tmp_path]))
    (table,) = comparison.tables
    assert table.protocol["budget"] == {"seconds": 600.0, "macs": None}
    assert table.protocol["machine"] == "Test CPU, 2 threads"
    assert "epochs" not in table.protocol
    text = " ".join(table_findings(table, comparison.options))
    assert "On digits, in 10 minutes of this machine, 2 seeds" in text
    assert "Not used" not in text
    assert "in 10 minutes of this machine" in headline(table)
    (column,) = (c for c in result_columns(table, comparison.options) if c.key == "epochs")
    assert {row.label: column.text(row) for row in table.rows} == {
        "resnet18": "10",
        "lenet5": "200 to 201",
    }
    shown = json.loads(comparison_json(comparison))["tables"][0]["protocol"]
    assert shown["budget"]["seconds"] == 600.0


def test_a_use_off_by_more_than_5_percent_is_stated(tmp_path: Path) -> None:
    write_pair(tmp_path, used=540.0)
    comparison = compare_results(*load_results([tmp_path]))
    text = " ".join(table_findings(comparison.tables[0], comparison.options))
    assert "Not used to within 5 %: of the budget, resnet18 90 %." in text


@pytest.mark.parametrize(
    ("changes", "n_tables"),
    [
        ({"changes": budget(60.0, seconds=60.0)}, 2),
        ({"changes": budget(600.0, macs=600.0)}, 2),
        ({"changes": {}}, 3),  # 200 and 201 epochs without a budget
        ({"hardware": "Another CPU"}, 2),
    ],
)
def test_another_budget_or_machine_is_another_table(
    tmp_path: Path, changes: dict[str, Any], n_tables: int
) -> None:
    write_pair(tmp_path, **changes)
    assert len(compare_results(*load_results([tmp_path])).tables) == n_tables


def test_macs_do_not_depend_on_the_machine(tmp_path: Path) -> None:
    for label, hardware in (("lenet5", "Test CPU"), ("resnet18", "Another CPU")):
        changes = budget(1e15, macs=1e15)
        changes["training"]["recipe_hash"] = label
        write_run(tmp_path, label, 0, RIGHT, epochs=len(label), hardware=hardware, changes=changes)
    comparison = compare_results(*load_results([tmp_path]))
    (table,) = comparison.tables
    assert "in 1e+15 MACs, 1 seed" in " ".join(table_findings(table, comparison.options))
