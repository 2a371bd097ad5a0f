import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cnncompare.comparison.compare import Comparison, compare_results
from cnncompare.comparison.load import load_results
from cnncompare.comparison.metrics import METRICS
from cnncompare.comparison.predictions import analyse_predictions
from cnncompare.report.charts import overview, pairs, training
from cnncompare.report.charts.disagreements import disputed_images_figure
from cnncompare.report.charts.errors import confusion_figure
from cnncompare.report.charts.figure import Figure
from cnncompare.report.figures import file_stem, page_specification, write_figures
from cnncompare.stats.friedman_nemenyi import friedman_nemenyi
from tests.comparison.factory import write_run, write_sweep

TOP1 = METRICS["top1"]


def compared(root: Path) -> Comparison:
    return compare_results(*load_results([root]))


def rows_of(figure: Figure) -> list[dict[str, Any]]:
    """Return the rows of all layers."""
    return [row for rows in page_specification(figure)["datasets"].values() for row in rows]


def drawn(figure: Figure) -> str:
    return json.dumps(page_specification(figure))


def test_the_intervals_picture_holds_the_tables_numbers(sweep: Path) -> None:
    (table,) = compared(sweep).tables
    figure = overview.accuracy_figure(table, TOP1)
    assert figure is not None
    rows = rows_of(figure)
    for row in table.rows:
        shown = next(r for r in rows if r["model"] == row.label and "low" in r)
        found = row.estimates["top1"]
        assert shown["value"] == pytest.approx(100 * found.mean)
        assert shown["low"] == pytest.approx(100 * found.interval.low)
    runs = [r for r in rows if "seed" in r]
    assert len(runs) == 9


def test_every_figure_has_an_alternative_text(sweep: Path) -> None:
    (table,) = compared(sweep).tables
    found = [
        overview.accuracy_figure(table, TOP1),
        overview.parameters_figure(table, TOP1),
        training.epoch_curves(table),
        training.time_curves(table),
        training.epoch_time_figure(table),
        *(overview.pareto_figure(table, front, TOP1) for front in table.fronts),
    ]
    for figure in found:
        assert figure is not None
        assert "vgg16" in figure.alt_text
        assert figure.caption.endswith(".")
        assert "vgg16" in drawn(figure)


def test_only_significant_pairs_are_marked(tmp_path: Path) -> None:
    write_sweep(tmp_path, {"good": 0.95, "alike": 0.95, "bad": 0.6}, seeds=4, n=1000)
    (table,) = compared(tmp_path).tables
    figure = pairs.pairs_figure(table, TOP1)
    assert figure is not None
    rows = {(r["a"], r["b"]): r for r in rows_of(figure)}
    assert len(rows) == 6
    assert rows["good", "bad"]["significant"]
    assert not rows["good", "alike"]["significant"]
    assert rows["good", "bad"]["difference"] == pytest.approx(-rows["bad", "good"]["difference"])


def test_waiting_for_data_is_separate_from_training(tmp_path: Path) -> None:
    write_run(tmp_path, "a", 0, np.ones(10, bool), epoch_s=10.0)
    figure = training.epoch_time_figure(compared(tmp_path).tables[0])
    assert figure is not None
    phases = {r["phase"]: r["seconds"] for r in rows_of(figure)}
    assert phases == pytest.approx({"training": 8.5, "waiting for data": 0.5, "validation": 1.0})


def test_of_a_thousand_classes_those_with_most_errors_are_drawn() -> None:
    matrix = np.diag(np.full(1000, 5))
    matrix[7, 900] = 40
    figure = confusion_figure("a", matrix, [f"c{i}" for i in range(1000)], [])
    rows = rows_of(figure)
    names = {row["true"] for row in rows}
    assert {"c7", "c900"} <= names
    assert len(names) == 25


def test_the_critical_difference_diagram_is_drawn(tmp_path: Path) -> None:
    scores = np.array([[0.9, 0.8, 0.7], [0.9, 0.7, 0.8], [0.95, 0.9, 0.1]])
    ranks = friedman_nemenyi(["a", "b", "c"], ["x", "y", "z"], scores)
    stems = write_figures([pairs.critical_difference_figure(ranks)], tmp_path)
    svg = (tmp_path / f"{stems['critical-difference']}.svg").read_text()
    assert "critical difference 1.9" in svg


def disputed(root: Path) -> Figure | None:
    (table,) = compared(root).tables
    found = analyse_predictions(table)
    assert found is not None
    return disputed_images_figure(table, found)


def test_disputed_images_come_from_the_kept_images(tmp_path: Path) -> None:
    right = np.arange(20) % 2 == 0
    write_run(tmp_path, "a", 0, right)
    folder = write_run(tmp_path, "b", 0, ~right)
    assert disputed(tmp_path) is None
    fingerprint = json.loads((folder / "run.json").read_text())["data"]["fingerprint"]
    pixels = np.zeros((20, 8, 8, 1), np.uint8)
    np.save(tmp_path / f"test-images-{fingerprint[:12]}.npy", pixels)
    figure = disputed(tmp_path)
    assert figure is not None
    rows = rows_of(figure)
    assert len(rows) == 20
    assert all(row["url"].startswith("data:image/png;base64,") for row in rows)
    assert all(row["subtitle"] == "1 of 2 right" for row in rows)


def test_disputed_images_come_from_the_folder_that_was_read(tmp_path: Path) -> None:
    for label in ("cat", "dog"):
        (tmp_path / "images" / "train" / label).mkdir(parents=True)
        (tmp_path / "images" / "test" / label).mkdir(parents=True)
        for i in range(5):
            file = tmp_path / "images" / "test" / label / f"{i}.png"
            Image.new("RGB", (16, 12), (i, 0, 0)).save(file)
    truth = np.repeat([0, 1], 5).astype(np.int16)
    for label, right in (("a", np.ones(10, bool)), ("b", np.arange(10) < 7)):
        folder = write_run(tmp_path / "runs", label, 0, right, classes=2, labels=truth)
        config = (folder / "config.yaml").read_text()
        data = f"data: {{source: folder, root: {tmp_path / 'images'}, name: digits}}\n"
        (folder / "config.yaml").write_text(config.replace("data:", "was:") + data)
        (folder / "classes.json").write_text('["cat", "dog"]')
    figure = disputed(tmp_path / "runs")
    assert figure is not None
    rows = rows_of(figure)
    assert sorted(row["position"] for row in rows) == [7, 8, 9]
    assert {(row["class"], row["right"], row["wrong"]) for row in rows} == {("dog", "a", "b: cat")}


@pytest.mark.parametrize(
    ("name", "stem"),
    [("a/b<c>", "a-b-c"), ("../..", "figure"), ("x" * 300, "x" * 80), ("résumé", "r-sum")],
)
def test_file_names_are_safe(name: str, stem: str) -> None:
    assert file_stem(name) == stem
