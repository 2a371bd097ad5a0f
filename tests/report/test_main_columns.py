"""The columns that readers see first."""

from pathlib import Path
from typing import Any

import pytest

from cnncompare.comparison.compare import ComparedTable, Options, compare_results
from cnncompare.comparison.load import load_results
from cnncompare.report.cells import results_cells
from cnncompare.report.columns import result_columns
from cnncompare.report.main_columns import ChosenColumns, best_rows, divide_columns
from tests.comparison.factory import write_sweep

TOP1 = Options().metric


def table_of(root: Path) -> ComparedTable:
    return compare_results(*load_results([root])).tables[0]


def chosen(table: ComparedTable) -> ChosenColumns:
    return divide_columns(result_columns(table, Options()), table, TOP1)


def test_eight_columns_at_most_and_constant_ones_are_dropped(tmp_path: Path) -> None:
    options = {"b": {"params": 9_000, "epoch_s": 3.0}}
    write_sweep(tmp_path, {"a": 0.95, "b": 0.6}, n=300, options=options)
    table = table_of(tmp_path)
    found = chosen(table)
    keys = [column.key for column in found.main]
    assert keys[:4] == ["model", "ties", "top1", "top1_interval"]
    assert len(keys) == 8
    assert {"params", "gmacs", "epoch_s"} <= set(keys)
    assert found.constants["seeds"] == "3"
    every = {c.key for c in result_columns(table, Options())}
    constant = {c.key for c in result_columns(table, Options()) if c.title in found.constants}
    assert {c.key for c in found.all()} == every - constant


def test_one_row_keeps_its_columns(tmp_path: Path) -> None:
    write_sweep(tmp_path, {"a": 0.95}, n=100)
    assert chosen(table_of(tmp_path)).constants == {}


def test_the_best_value_is_bold_and_times_of_another_machine_are_not_compared(
    tmp_path: Path,
) -> None:
    options: dict[str, dict[str, Any]] = {
        "b": {"epoch_s": 3.0, "hardware": "Faster CPU"},
        "c": {"epoch_s": 5.0},
    }
    write_sweep(tmp_path, {"a": 0.95, "b": 0.7, "c": 0.6}, n=300, options=options)
    table = table_of(tmp_path)
    by_key = {column.key: column for column in result_columns(table, Options())}
    assert best_rows(by_key["top1"], table) == {"a"}
    assert best_rows(by_key["epoch_s"], table) == {"c"}
    assert best_rows(by_key["params"], table) == set()  # all are equal
    assert best_rows(by_key["model"], table) == set()


def test_bars_share_one_scale(tmp_path: Path) -> None:
    write_sweep(tmp_path, {"a": 0.95, "b": 0.6}, n=300)
    table = table_of(tmp_path)
    cells = [cell for row in results_cells(table, Options())["rows"] for cell in row]
    upper, lower = (cell["bar"] for cell in cells if cell["bar"])
    assert upper.left + upper.width == pytest.approx(100)
    assert lower.left == 0
    assert lower.left < lower.mean < lower.left + lower.width < upper.mean < 100


def test_two_seeds_that_differ_need_a_third(tmp_path: Path) -> None:
    write_sweep(tmp_path, {"a": 0.95, "b": 0.6}, seeds=2, n=100)
    table = table_of(tmp_path)
    column = next(c for c in result_columns(table, Options()) if c.key == "top1_interval")
    for row in table.rows:
        interval = row.estimates["top1"].interval
        assert interval.low is not None
        assert interval.high is not None
        wide = interval.high - interval.low > 0.1
        assert (column.text(row) == "needs a third seed") == wide
    assert any(column.text(row) == "needs a third seed" for row in table.rows)
