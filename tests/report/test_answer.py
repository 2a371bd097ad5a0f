"""The answer says no more than the tests, and the titles of tables differ."""

from pathlib import Path

import numpy as np

from cnncompare.comparison.compare import Comparison, Options, compare_results
from cnncompare.comparison.load import load_results
from cnncompare.report.answer import answer, question, table_titles
from cnncompare.report.glossary import TERMS, sentences_with_definitions, with_definitions
from tests.comparison.factory import write_run, write_sweep


def compared(root: Path, **options: object) -> Comparison:
    return compare_results(*load_results([root]), Options(**options))  # type: ignore[arg-type]


def test_the_answer_has_the_clause_of_each_pair(sweep: Path) -> None:
    comparison = compared(sweep)
    (table,) = comparison.tables
    assert not next(p for p in table.pairs if {p.a, p.b} == {"resnet20", "vgg16"}).significant
    best, other = (row.label for row in table.rows[:2])
    text = answer(table, comparison.options)
    mean = 100 * (table.rows[0].estimates["top1"].mean or 0.0)
    assert text == (
        f"{best}, {mean:.1f} %: significantly better than lenet5; statistically tied with {other}"
    )
    assert (
        question(table, comparison.options) == "Which network has the highest test top-1 on digits?"
    )


def test_every_other_network_is_in_exactly_one_clause(tmp_path: Path) -> None:
    write_sweep(tmp_path, {f"n{i}": 0.95 - 0.03 * i for i in range(4)}, seeds=2, n=300)
    comparison = compared(tmp_path)
    text = answer(comparison.tables[0], comparison.options)
    for row in comparison.tables[0].rows:
        assert text.count(row.label) == 1


def test_single_runs_are_about_the_trained_networks(tmp_path: Path) -> None:
    write_sweep(tmp_path, {"a": 0.95, "b": 0.5}, seeds=1, n=300)
    comparison = compared(tmp_path)
    text = answer(comparison.tables[0], comparison.options)
    assert text.endswith("significantly better than b (of these trained networks)")


def test_a_baseline_is_the_subject(sweep: Path) -> None:
    comparison = compared(sweep, baseline="lenet5")
    text = answer(comparison.tables[0], comparison.options)
    assert text.startswith("lenet5, ")
    assert text.endswith(": significantly worse than vgg16 and resnet20")


def test_one_network_and_missing_predictions(tmp_path: Path) -> None:
    write_run(tmp_path, "a", 0, np.arange(50) < 40)
    comparison = compared(tmp_path)
    assert answer(comparison.tables[0], comparison.options) == "a, 80.0 %"
    folder = write_run(tmp_path, "b", 0, np.arange(50) < 30)
    (folder / "predictions.npz").unlink()
    comparison = compared(tmp_path)
    assert answer(comparison.tables[0], comparison.options).startswith(
        "a, 80.0 %: not tested against b"
    )


def test_titles_of_tables_differ_by_what_distinguishes_them(tmp_path: Path) -> None:
    for name, epochs in (("narrow", 3), ("wide", 6), ("wide", 9)):
        folder, changes = tmp_path / f"{name}{epochs}", {"name": name}
        write_sweep(folder, {"a": 0.9}, 1, 40, epochs=epochs, changes=changes)
    write_sweep(tmp_path / "other", {"a": 0.9}, 1, 40, data="flowers")
    titles = table_titles(compared(tmp_path))
    assert sorted(titles) == [
        *("digits, narrow", "digits, wide, 6 epochs", "digits, wide, 9 epochs", "flowers"),
    ]


def test_a_term_is_defined_once_and_names_are_escaped() -> None:
    first, second = sentences_with_definitions(["<b> is statistically tied", "statistically tied"])
    assert first.startswith("&lt;b&gt; is <span")
    assert 'data-tip="No significant difference was found' in first
    assert second == "statistically tied"
    assert "<span" not in with_definitions("powerful networks")


def test_terms_have_short_definitions() -> None:
    assert all(text.endswith(".") and len(text) < 110 for text in TERMS.values())
