import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cnncompare.comparison.compare import Comparison, compare_results
from cnncompare.comparison.confusion import ConfusedPair
from cnncompare.comparison.load import load_results
from cnncompare.comparison.metrics import METRICS
from cnncompare.comparison.predictions import analyse_predictions
from cnncompare.plotting.render import CELL_TEXT
from cnncompare.report.charts import epoch_time, overview, pairs, training
from cnncompare.report.charts.disagreements import disputed_images_figure
from cnncompare.report.charts.errors import confusion_figure, reliability_figure
from cnncompare.report.charts.figure import Figure
from cnncompare.report.figures import file_stem, page_specification, write_figures
from cnncompare.stats.calibration import ReliabilityBin
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
        training.epoch_curves(table),
        training.time_curves(table),
        epoch_time.epoch_time_figure(table),
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
    best, second, last = (row.label for row in table.rows)
    assert set(rows) == {(second, best), (last, best), (last, second)}  # the lower triangle
    assert rows["bad", "good"]["significant"]
    assert not rows[second, best]["significant"]
    means = {row.label: row.estimates["top1"].mean for row in table.rows}
    expected = 100 * (means["bad"] - means["good"])
    assert rows["bad", "good"]["difference"] == pytest.approx(expected)


def test_waiting_for_data_is_separate_from_training(tmp_path: Path) -> None:
    write_run(tmp_path, "a", 0, np.ones(10, bool), epoch_s=10.0)
    figure = epoch_time.epoch_time_figure(compared(tmp_path).tables[0])
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


def encoding(figure: Figure, channel: str) -> list[dict[str, Any]]:
    """Return an encoding of every layer that has it."""
    found: list[dict[str, Any]] = []

    def collect(node: Any) -> None:
        if isinstance(node, dict):
            found.extend([node["encoding"][channel]] if channel in node.get("encoding", {}) else [])
            for layer in node.get("layer", []):
                collect(layer)

    collect(page_specification(figure))
    return found


def with_training_curves(folder: Path) -> None:
    """Rewrite epochs.csv with losses and training accuracies."""
    for path in folder.rglob("epochs.csv"):
        frame = pd.read_csv(path)
        frame["train_acc1"] = 0.5 + frame["epoch"] / 100
        frame["train_loss"], frame["val_loss"] = 1 / frame["epoch"], 2 / frame["epoch"]
        frame.to_csv(path, index=False)


def test_curves_have_training_thin_and_validation_thick_over_whole_epochs(tmp_path: Path) -> None:
    write_sweep(tmp_path, {"a": 0.999, "b": 0.9}, n=200, epochs=12)
    with_training_curves(tmp_path)
    (table,) = compared(tmp_path).tables
    accuracy, loss = training.epoch_curves(table), training.loss_curves(table)
    assert accuracy is not None
    assert loss is not None
    for figure in (accuracy, loss):
        layers = page_specification(figure)["layer"]
        widths = [m["strokeWidth"] for layer in layers if "strokeWidth" in (m := layer["mark"])]
        assert widths == [1.0, 2.6]
        assert "Thick: validation; thin: training." in figure.caption
        ticks = {tuple(x["axis"]["values"]) for x in encoding(figure, "x")}
        assert ticks == {(1, 2, 4, 6, 8, 10, 12)}
    points = {(r["model"], r["split"], r["x"]): r["mean"] for r in rows_of(loss)}
    assert points["a", "validation", 4] == pytest.approx(0.5)
    assert points["b", "training", 4] == pytest.approx(0.25)
    assert {r["model"] for r in rows_of(accuracy) if "label" in r} == {"a", "b"}


def test_no_axis_of_an_accuracy_exceeds_100_percent(tmp_path: Path) -> None:
    write_sweep(tmp_path, {"a": 0.9995, "b": 0.99}, n=500)
    (table,) = compared(tmp_path).tables
    front = table.fronts[0]
    figures = [training.epoch_curves(table), training.time_curves(table)]
    figures += [overview.accuracy_figure(table, TOP1), overview.pareto_figure(table, front, TOP1)]
    for figure in figures:
        assert figure is not None
        axes = [*encoding(figure, "x"), *encoding(figure, "y")]
        domains = [axis["scale"]["domain"] for axis in axes if "domain" in axis.get("scale", {})]
        tops = [domain[1] for domain in domains if domain[0] > 12]  # not those of epochs
        assert tops
        assert max(tops) <= 100


@pytest.mark.parametrize(("largest", "is_log"), [(9.0, False), (20.0, True)])
def test_seconds_and_parameters_are_logarithmic_where_they_span_a_factor_of_ten(
    tmp_path: Path, largest: float, is_log: bool
) -> None:
    options = {"b": {"params": int(270_000 * largest), "epoch_s": largest}}
    write_sweep(tmp_path, {"a": 0.9, "b": 0.8}, seeds=1, n=50, epoch_s=1.0, options=options)
    (table,) = compared(tmp_path).tables
    fronts = {front.cost: front for front in table.fronts}
    figures = [overview.pareto_figure(table, fronts[c], TOP1) for c in ("params", "total_s")]
    assert [", log" in drawn(figure) for figure in figures] == [is_log, is_log]
    bars = epoch_time.epoch_time_figure(table)
    assert bars is not None
    assert (", log" in drawn(bars)) == is_log


def test_calibration_leaves_out_bins_of_few_images() -> None:
    bins = [ReliabilityBin(0.1 * i, 0.1 * i + 0.1, n, 0.1 * i, 0.5) for i, n in ((1, 29), (9, 30))]
    figure = reliability_figure({"a": bins}, {"a": 0.1})
    assert figure is not None
    assert [row["images"] for row in rows_of(figure) if "images" in row] == [30]
    assert reliability_figure({"a": bins[:1]}, {"a": 0.1}) is None


def test_the_cells_of_matrices_have_legible_text() -> None:
    for colour in ("#f0a35e", "#7ab5e6", "#f08c4a", "#dbe9f5", "#b79ad9", "#ffffff"):
        assert contrast(CELL_TEXT, colour) >= 4.5


def contrast(a: str, b: str) -> float:
    """Return the contrast ratio of two colours (WCAG 2.2)."""

    def luminance(colour: str) -> float:
        shares = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares]
        return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))

    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_s_colours_have_contrast(theme: str) -> None:
    css = (files("cnncompare.report") / "page" / "style.css").read_text()
    first = css.index(":root {" if theme == "light" else ':root[data-theme="dark"]')
    block = css[first : css.index("}", first)]
    colours = dict(re.findall(r"--(\w+): (#\w+)", block))
    full = {
        k: v if len(v) == 7 else "#" + "".join(2 * c for c in v[1:]) for k, v in colours.items()
    }
    for text in ("fg", "soft", "accent"):
        for ground in ("bg", "card", "mark"):
            assert contrast(full[text], full[ground]) >= 4.5, (text, ground)


def test_the_names_of_curves_of_any_length_stand_on_the_right(tmp_path: Path) -> None:
    for label, epoch_s in (("fast", 1.0), ("slow", 8.0)):
        write_run(tmp_path, label, 0, np.arange(50) < 40, epoch_s=epoch_s)
    figure = training.time_curves(compared(tmp_path).tables[0])
    assert figure is not None
    ends = {row["model"]: row for row in rows_of(figure) if "right" in row}
    assert ends["fast"]["x"] < ends["slow"]["x"] == ends["fast"]["right"] == ends["slow"]["right"]
    layers = page_specification(figure)["layer"]
    (text,) = [layer for layer in layers if layer["mark"]["type"] == "text"]
    assert text["encoding"]["x"]["field"] == "right"
    (leader,) = [layer for layer in layers if layer["mark"]["type"] == "rule"]
    named = page_specification(figure)["datasets"][leader["data"]["name"]]
    assert [row["model"] for row in named] == ["fast"]


@pytest.mark.parametrize(
    ("images", "expected"),
    [(2.0, "(2 per run)"), (1 / 3, "(0.33 per run)"), (14.4, "(14 per run)")],
)
def test_a_confusion_that_occurred_is_not_stated_as_none(images: float, expected: str) -> None:
    pair = ConfusedPair(a=0, b=1, a_as_b=images, b_as_a=0.0)
    figure = confusion_figure("net", np.eye(2, dtype=np.int64), ["cat", "dog"], [pair])
    assert f"cat with dog {expected}" in figure.caption
