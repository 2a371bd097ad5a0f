"""Reports on imbalanced data: the chosen metric, the caveat, and classes never predicted."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnncompare.errors import ConfigError
from cnncompare.report.command import main
from tests.comparison.factory import write_run

LABELS = np.repeat([0, 1, 2], [300, 200, 40]).astype(np.int16)
NAMES = ["cat", "dog & co", "Emu"]
pytestmark = pytest.mark.usefixtures("no_figures")


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Two networks and two seeds; the more accurate one never predicts the smallest class."""
    rng = np.random.default_rng(0)
    for seed in range(2):
        for label, shares in {"large": [0.95, 0.95, 0.0], "fair": [0.9, 0.9, 0.9]}.items():
            correct = rng.random(len(LABELS)) < np.array(shares)[LABELS]
            folder = write_run(tmp_path, label, seed, correct, classes=3, labels=LABELS)
            (folder / "classes.json").write_text(json.dumps(NAMES))
            with np.load(folder / "predictions.npz") as saved:
                arrays = dict(saved)
            if label == "large":  # its errors are never in favour of the smallest class
                top5 = arrays["top5"]
                top5[top5[:, 0] == 2] = [0, 1, 2]
                top5[(top5[:, 0] == LABELS) & ~correct] = [1, 0, 2]
                arrays["top5"] = top5
            np.savez(folder / "predictions.npz", **arrays)
            _correct_accuracy(folder, float((arrays["top5"][:, 0] == LABELS).mean()))
    return tmp_path


def _correct_accuracy(folder: Path, accuracy: float) -> None:
    record = json.loads((folder / "run.json").read_text())
    record["test"]["acc1"] = accuracy
    (folder / "run.json").write_text(json.dumps(record))


def report(root: Path, capsys: pytest.CaptureFixture[str], *options: str) -> Any:
    assert main([str(root), "--json", *options]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("metric", ["balanced", "f1"])
def test_json_has_the_metric_beside_the_accuracies(
    study: Path, capsys: pytest.CaptureFixture[str], metric: str
) -> None:
    plain, found = report(study, capsys), report(study, capsys, "--metric", metric)
    assert (plain["metric"], found["metric"]) == ("acc1", metric)
    groups = {g["label"]: g for g in found["tables"][0]["groups"]}
    for group in plain["tables"][0]["groups"]:
        assert group["acc1"] == groups[group["label"]]["acc1"]
        assert metric not in group
    assert [g["label"] for g in found["tables"][0]["groups"]] == ["fair", "large"]
    means = groups["fair"][metric]["mean"] - groups["large"][metric]["mean"]
    (pair,) = found["tables"][0]["pairs"]
    assert pair["difference"] == pytest.approx(means)
    assert set(groups["fair"][metric]) == set(groups["fair"]["acc1"])


def test_acc1_is_the_default(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(study, capsys, "--metric", "acc1") == report(study, capsys)


def test_the_findings_name_the_imbalance_and_the_metric_to_look_at(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = " ".join(report(study, capsys)["tables"][0]["verdict"])
    assert "Class cat has 300 test images, 7.5 times the 40 of Emu" in text
    assert "--metric balanced" in text
    assert "large never predicts Emu." in text
    assert "fair never" not in text
    text = " ".join(report(study, capsys, "--metric", "balanced")["tables"][0]["verdict"])
    assert "7.5 times the 40 of Emu; test balanced accuracy weights all classes alike" in text
    assert "--metric" not in text


def test_the_recorded_imbalance_takes_precedence(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    imbalance = {"split": "train", "largest": "cat", "n_largest": 90, "smallest": "dog & co"}
    for path in study.rglob("run.json"):
        record = json.loads(path.read_text())
        record["data"]["imbalance"] = imbalance | {"n_smallest": 46}
        path.write_text(json.dumps(record))
    assert "images, " not in " ".join(report(study, capsys)["tables"][0]["verdict"])
    for path in study.rglob("run.json"):
        record = json.loads(path.read_text())
        record["data"]["imbalance"] = imbalance | {"n_smallest": 45}
        path.write_text(json.dumps(record))
    text = " ".join(report(study, capsys)["tables"][0]["verdict"])
    assert "Class cat has 90 training images, 2.0 times the 45 of dog & co" in text


def test_balanced_classes_have_no_caveat(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "metric" not in " ".join(report(sweep, capsys)["tables"][0]["verdict"])


def test_every_format_shows_the_metric(study: Path) -> None:
    assert main([str(study), "--metric", "balanced"]) == 0
    assert "balanced accuracy (%)" in (study / "report.md").read_text()
    assert "Balanced accuracy" in (study / "report.tex").read_text()
    page = (study / "report.html").read_text()
    assert "balanced accuracy (%)" in page
    assert page.count("never predicts Emu") == 1
    with (study / "report.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    by_metric = {
        metric: [row for row in rows if (row["metric"], row["split"]) == (metric, "test")]
        for metric in ("balanced", "top1")
    }
    for found in by_metric.values():
        assert [row["model"] for row in found] == ["fair", "large"]
    for row in by_metric["balanced"]:
        assert float(row["low"]) < float(row["value"]) < float(row["high"])
    assert all(float(row["value"]) > 0.5 for row in by_metric["top1"])


@pytest.mark.parametrize("metric", ["balanced", "f1"])
def test_runs_without_predictions_are_said_to_lack_the_metric(
    study: Path, capsys: pytest.CaptureFixture[str], metric: str
) -> None:
    for path in study.rglob("predictions.npz"):
        path.unlink()
    found = report(study, capsys, "--metric", metric)
    text = " ".join(found["tables"][0]["verdict"])
    assert "no run has a test " in text
    assert "no valid predictions are saved: fair (2 of 2 runs) and large (2 of 2 runs)." in text
    assert [g[metric]["mean"] for g in found["tables"][0]["groups"]] == [None, None]
    assert main([str(study), "--metric", metric]) == 0  # all formats


def test_one_run_without_predictions_is_named(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    next(study.glob("fair*s1*/predictions.npz")).unlink()
    text = " ".join(report(study, capsys, "--metric", "f1")["tables"][0]["verdict"])
    assert "no valid predictions are saved: fair (1 of 2 runs)." in text


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("balanecd", "did you mean 'balanced'"),
        ("macrof1", "did you mean 'macro_f1'"),
        ("auc", "(metrics: "),
    ],
)
def test_an_unknown_metric_is_answered_with_the_closest(study: Path, name: str, hint: str) -> None:
    with pytest.raises(ConfigError) as raised:
        main([str(study), "--metric", name])
    assert f"unknown metric {name!r}" in str(raised.value)
    assert hint in str(raised.value)
    assert raised.value.exit_code == 2
    assert not (study / "report.html").exists()
