"""The report on folds and hold-outs: what was tested is stated, and no image is counted twice."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cnncompare.comparison.compare import Comparison, Options, compare_results
from cnncompare.comparison.load import load_results
from cnncompare.comparison.predictions import analyse_predictions
from cnncompare.plotting.image_sheet import data_url
from cnncompare.report.charts.disagreements import disputed_images_figure
from cnncompare.report.command import main
from cnncompare.report.csv_table import as_csv
from cnncompare.report.findings import headline, reason_for_tables, table_findings
from cnncompare.report.text_tables import as_markdown
from cnncompare.runs.run import images_file
from tests.comparison.factory import simulate, write_run
from tests.comparison.fold_runs import deal, write_fold, write_folds

N = 500


def simulated(**models: float) -> dict[str, NDArray[np.bool_]]:
    return {k: v[0] for k, v in simulate(np.random.default_rng(3), models, 1, N).items()}


def compared(root: Path) -> Comparison:
    return compare_results(*load_results([root]))


def findings(root: Path) -> str:
    comparison = compared(root)
    return " ".join(table_findings(comparison.tables[0], Options()))


def test_the_findings_state_folds_images_and_correction(tmp_path: Path) -> None:
    write_folds(tmp_path, simulated(good=0.95, bad=0.6))
    text = findings(tmp_path)
    assert text.startswith("On digits, 4 epochs, 5 folds: good is the best, with test top-1 ")
    assert "Each of the 500 images is tested once over the 5 folds, and the accuracies are" in text
    assert (
        "over folds are corrected for overlapping training sets (Nadeau and Bengio 2003)." in text
    )
    assert "seed" not in text
    assert "5 folds of all 500 images" in headline(compared(tmp_path).tables[0])


def test_folds_of_several_seeds_state_both(tmp_path: Path) -> None:
    correct = simulated(good=0.95, bad=0.6)
    for seed in (0, 1, 2):
        write_folds(tmp_path, correct, folds=3, seed=seed)
    text = findings(tmp_path)
    assert text.startswith("On digits, 4 epochs, 3 folds, 3 seeds each: good is")
    assert "Each of the 500 images is tested once over the 3 folds with each seed, and" in text


def test_missing_folds_are_named_with_the_number_of_images(tmp_path: Path) -> None:
    correct, images = simulated(good=0.95, bad=0.6), deal(N, 5)
    write_folds(tmp_path, {"good": correct["good"]})
    for number in (1, 3, 4):
        write_fold(tmp_path, "bad", number, correct["bad"], images[number - 1])
    text = findings(tmp_path)
    assert "bad was tested on 300 of 500 images: folds 2 and 5 are missing." in text
    assert "points over their 3 common folds, 95 % interval" in text
    assert "is tested once" not in text
    assert text.startswith("On digits, 4 epochs, 3 to 5 folds: ")


def test_holdouts_state_their_share(tmp_path: Path) -> None:
    draws = np.random.default_rng(0)
    images = [np.sort(draws.choice(N, 100, replace=False)) for _ in range(4)]
    for label, hits in simulated(good=0.95, bad=0.6).items():
        for number, index in enumerate(images, start=1):
            write_fold(tmp_path, label, number, hits, index, holdout=0.2)
    text = findings(tmp_path)
    assert text.startswith("On digits, 4 epochs, 4 hold-outs: ")
    assert "Each hold-out tests 20 % of all 500 images, drawn independently of the others." in text
    assert "Intervals and tests over hold-outs are corrected for overlapping training" in text
    assert "hold-outs of 0.2" in headline(compared(tmp_path).tables[0])


def test_tables_of_folds_and_of_a_split_give_the_reason(tmp_path: Path) -> None:
    correct = simulated(good=0.95, bad=0.6)
    write_folds(tmp_path / "folds", correct)
    for label, hits in correct.items():
        write_run(tmp_path / "split", label, 0, hits)
    reason = reason_for_tables(compared(tmp_path))
    assert "they differ in resampling (5 folds, none)" in reason


def test_the_columns_count_folds_and_images(tmp_path: Path) -> None:
    write_folds(tmp_path, simulated(good=0.95, bad=0.6))
    comparison = compared(tmp_path)
    rows = list(csv.DictReader(io.StringIO(as_csv(comparison))))
    ranked = [row for row in rows if (row["metric"], row["split"]) == ("top1", "test")]
    assert [(row["folds"], row["n_tested"]) for row in ranked] == [("5", "500"), ("5", "500")]
    assert "seeds" not in rows[0]
    assert "| model | ties | folds | images |" in as_markdown(comparison)


def test_json_has_one_group_per_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    correct = simulated(good=0.95, bad=0.6)
    write_folds(tmp_path, correct)
    assert main([str(tmp_path), "--json"]) == 0
    (table,) = json.loads(capsys.readouterr().out)["tables"]
    assert table["protocol"]["resampling"] == "5 folds"
    assert "n_test" not in table["protocol"]
    for group in table["groups"]:
        assert (group["n_runs"], group["seeds"], len(group["runs"])) == (5, [0], 5)
        assert group["acc1"]["mean"] == pytest.approx(correct[group["label"]].mean())
        assert group["resampling"] == {
            "method": "folds",
            "count": 5,
            "numbers": [1, 2, 3, 4, 5],
            "n_images": N,
            "n_tested": N,
        }
    (pair,) = table["pairs"]
    assert pair["test"] == "corrected-resampled-t"
    assert pair["folds"] == [1, 2, 3, 4, 5]
    assert pair["different"] is True


def test_json_of_an_ordinary_split_has_no_folds(
    sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(sweep), "--json"]) == 0
    (table,) = json.loads(capsys.readouterr().out)["tables"]
    assert all("resampling" not in group for group in table["groups"])
    assert all("folds" not in pair for pair in table["pairs"])
    assert "resampling" not in table["protocol"]


def test_the_page_names_the_fold_of_each_run(tmp_path: Path, no_figures: None) -> None:
    write_folds(tmp_path, simulated(good=0.95, bad=0.6), folds=3)
    assert main([str(tmp_path)]) == 0
    page = (tmp_path / "report.html").read_text()
    assert page.count("<b>fold 2, seed 0</b>") == 2
    assert "corrected for overlapping training sets (Nadeau and Bengio 2003)" in page


def test_disputed_images_come_from_the_fold_that_tested_them(tmp_path: Path) -> None:
    correct = simulated(good=0.95, bad=0.6)
    images = write_folds(tmp_path, correct, folds=3)
    pixels = np.random.default_rng(0).integers(0, 256, (N, 4, 4, 3), dtype=np.uint8)
    (table,) = compared(tmp_path).tables
    details = analyse_predictions(table)
    assert details is not None
    assert disputed_images_figure(table, details) is None
    for number, index in enumerate(images, start=1):
        name = images_file(f"{number:064}")
        for label in correct:
            np.save(tmp_path / f"{label}-{number}-0" / name, pixels[index])
    figure = disputed_images_figure(table, details)
    assert figure is not None
    drawn = json.dumps(figure.chart.to_dict())
    shown = [image for image in range(N) if data_url(pixels[image]) in drawn]
    assert len(shown) == 24
    assert all(correct["good"][image] != correct["bad"][image] for image in shown)
