import json
from pathlib import Path

import numpy as np
import pytest

from cnncompare.comparison.load import load_results
from cnncompare.runs.record import Status
from tests.comparison.factory import simulate, write_run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    right = simulate(np.random.default_rng(0), {"a": 0.9}, seeds=1, n=100)["a"][0]
    return write_run(tmp_path, "a", 0, right)


def test_a_finished_run_is_read_with_its_predictions(folder: Path, tmp_path: Path) -> None:
    (result,), skipped = load_results([tmp_path])
    assert skipped == []
    assert result.outcome is not None
    assert result.outcome.correct1.mean() == pytest.approx(result.record.test.acc1)
    assert result.outcome.correct5.mean() == pytest.approx(result.record.test.acc5)
    assert result.config["optimizer.lr"] == 0.1
    assert len(result.epochs) == 4


def test_a_tree_of_class_folders_is_named_by_its_root_folder(folder: Path, tmp_path: Path) -> None:
    for file, old, new in (
        ("run.json", '"name": "digits"', '"name": "folder"'),
        ("config.yaml", "name: digits", "name: folder\n  root: /some/where/flowers/"),
    ):
        (folder / file).write_text((folder / file).read_text().replace(old, new))
    (result,), _ = load_results([tmp_path])
    assert result.data_name == "flowers"


def test_a_run_below_two_roots_is_loaded_once(folder: Path, tmp_path: Path) -> None:
    assert len(load_results([tmp_path, folder, tmp_path / "."])[0]) == 1


@pytest.mark.parametrize("status", ["failed", "running", "interrupted"])
def test_unfinished_runs_are_listed_with_their_reason(tmp_path: Path, status: Status) -> None:
    write_run(tmp_path, "a", 0, np.ones(10, dtype=bool), status=status)
    results, (skip,) = load_results([tmp_path])
    assert results == []
    assert skip.reason.startswith(status)
    assert ("it broke" in skip.reason) == (status == "failed")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not a run record"),
        ('{"schema": 7}', "schema 7 is unknown"),
        ('{"schema": 1}', "field required"),
        ("[]", "schema None is unknown"),
    ],
)
def test_an_invalid_record_is_skipped_with_its_reason(folder: Path, text: str, reason: str) -> None:
    (folder / "run.json").write_text(text)
    results, (skip,) = load_results([folder])
    assert results == []
    assert reason in skip.reason


def change(folder: Path, **arrays: np.ndarray) -> None:
    with np.load(folder / "predictions.npz") as saved:
        np.savez(folder / "predictions.npz", **({k: saved[k] for k in saved} | arrays))


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"label": np.zeros(99, np.int16)}, "should be (N,)"),
        ({"confidence": np.full(100, np.nan, np.float32)}, "outside [0, 1]"),
        ({"confidence": np.zeros((100, 2), np.float32)}, "should be (N,)"),
        ({"top5": np.full((100, 5), 11, np.int16)}, "classes 0 to 11, but the data set has 10"),
        ({"label": (np.arange(100) % 9 + 1).astype(np.int16)}, "accuracy"),
    ],
)
def test_invalid_predictions_are_skipped_but_the_record_is_kept(
    folder: Path, arrays: dict[str, np.ndarray], reason: str
) -> None:
    change(folder, **arrays)
    (result,), (skip,) = load_results([folder])
    assert result.outcome is None
    assert result.record.test.acc1 is not None
    assert reason in skip.reason
    assert skip.path.endswith("predictions.npz")


def test_predictions_of_another_length_than_recorded_are_skipped(folder: Path) -> None:
    record = json.loads((folder / "run.json").read_text())
    record["test"]["n"] = 50
    (folder / "run.json").write_text(json.dumps(record))
    (result,), (skip,) = load_results([folder])
    assert result.outcome is None
    assert "100 images, but run.json records 50" in skip.reason


def test_truncated_and_missing_predictions_are_skipped(folder: Path) -> None:
    content = (folder / "predictions.npz").read_bytes()
    (folder / "predictions.npz").write_bytes(content[:200])
    assert load_results([folder])[0][0].outcome is None
    (folder / "predictions.npz").unlink()
    results, (skip,) = load_results([folder])
    assert results[0].outcome is None
    assert "No such file" in skip.reason


def test_an_invalid_configuration_or_epochs_file_is_treated_as_empty(folder: Path) -> None:
    (folder / "config.yaml").write_text("a: [")
    (folder / "epochs.csv").write_text("epoch,train_s\n1,fast\n")
    (result,), skipped = load_results([folder])
    assert result.config == {}
    assert result.epochs == []
    assert skipped == []
