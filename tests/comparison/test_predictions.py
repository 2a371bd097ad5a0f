import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import cohen_kappa_score
from sklearn.metrics import confusion_matrix as sklearn_confusion

from cnncompare.comparison.agreement import majority_vote_accuracy, most_disputed
from cnncompare.comparison.class_distribution import classes_never_predicted
from cnncompare.comparison.compare import compare_results
from cnncompare.comparison.grouping import Group
from cnncompare.comparison.load import load_results
from cnncompare.comparison.outcome import Outcome
from cnncompare.comparison.predictions import (
    PredictionAnalysis,
    analyse_predictions,
    table_class_names,
)
from cnncompare.stats.calibration import expected_calibration_error, reliability_bins
from tests.comparison.factory import write_run


def analysis_of(root: Path) -> PredictionAnalysis:
    found = analyse_predictions(compare_results(*load_results([root])).tables[0])
    assert found is not None
    return found


def test_confusion_matrices_and_kappa_agree_with_scikit_learn(sweep: Path) -> None:
    found = analysis_of(sweep)
    results, _ = load_results([sweep])
    for label, matrix in found.matrices.items():
        outcomes = [r.outcome for r in results if r.record.label == label and r.outcome]
        expected = sum(sklearn_confusion(o.label, o.top1, labels=range(10)) for o in outcomes)
        assert (matrix == expected).all()
    for pair in found.agreements:
        x, y = found.chosen[pair.a], found.chosen[pair.b]
        assert pair.kappa == pytest.approx(cohen_kappa_score(x.top1, y.top1))
        both, either = (~x.correct1 & ~y.correct1).sum(), (~x.correct1 | ~y.correct1).sum()
        assert pair.common_errors == pytest.approx(both / either)


def test_reliability_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    confidence = rng.random(5000).astype(np.float32)
    correct = rng.random(5000) < confidence**2
    bins = reliability_bins(correct, confidence)
    accuracy, mean = calibration_curve(correct, confidence, n_bins=15)
    assert [b.accuracy for b in bins] == pytest.approx(list(accuracy), abs=1e-6)
    assert [b.confidence for b in bins] == pytest.approx(list(mean), abs=1e-6)
    weights = np.array([b.n for b in bins]) / 5000
    expected = (weights * abs(accuracy - mean)).sum()
    assert expected_calibration_error(correct, confidence) == pytest.approx(expected, abs=1e-6)


def test_full_confidence_is_calibrated_only_if_correct() -> None:
    ones = np.ones(10, dtype=np.float32)
    assert expected_calibration_error(np.ones(10, bool), ones) == 0
    assert expected_calibration_error(np.zeros(10, bool), ones) == 1


def outcome(top1: list[int], confidence: float) -> Outcome:
    label, answers = np.array([0, 1, 2], np.int16), np.array(top1, np.int16)
    right = label == answers
    return Outcome(label, answers, right, right, np.full(3, confidence, np.float32))


def test_confidence_decides_between_equal_votes() -> None:
    two_right = [outcome([0, 1, 1], 0.4), outcome([0, 0, 2], 0.5), outcome([1, 1, 0], 0.9)]
    assert majority_vote_accuracy(two_right, 3) == pytest.approx(
        2 / 3
    )  # the highest confidence decides on the third image
    assert majority_vote_accuracy(two_right[:2], 3) == pytest.approx(2 / 3)


def test_images_with_mixed_predictions_are_disputed() -> None:
    models = {"a": outcome([0, 0, 0], 0.5), "b": outcome([0, 1, 0], 0.5)}
    assert list(most_disputed(models, 5)) == [1]


def test_solely_correct_images_by_hand(tmp_path: Path) -> None:
    write_run(tmp_path, "a", 0, np.array([True, True, False, False] * 5))
    write_run(tmp_path, "b", 0, np.array([True, False, True, False] * 5))
    found = analysis_of(tmp_path).solely_correct
    assert list(found["a"]) == [1, 5, 9, 13, 17]
    assert list(found["b"]) == [2, 6, 10, 14, 18]


def test_a_class_that_was_never_predicted_is_listed(tmp_path: Path) -> None:
    folder = write_run(tmp_path, "a", 0, np.ones(20, bool))
    with np.load(folder / "predictions.npz") as saved:
        arrays = dict(saved)
    arrays["top5"][arrays["label"] == 3] = [4, 5, 6, 7, 8]
    np.savez(folder / "predictions.npz", **arrays)
    record = json.loads((folder / "run.json").read_text())
    record["test"]["acc1"] = 0.9
    (folder / "run.json").write_text(json.dumps(record))
    found = analysis_of(tmp_path)
    (result,), _ = load_results([tmp_path])
    assert classes_never_predicted(Group("a", [result]), 10) == [3]
    assert found.classes["a"][3].accuracy == 0
    assert found.classes["a"][3].interval.high > 0.5  # wide, for two images


def test_class_names_are_those_of_the_run_or_numbers(tmp_path: Path) -> None:
    folder = write_run(tmp_path, "a", 0, np.ones(20, bool), classes=3)
    assert table_class_names(compare_results(*load_results([tmp_path])).tables[0]) == [
        "0",
        "1",
        "2",
    ]
    (folder / "classes.json").write_text('["cat", "dog", "<b>"]')
    assert table_class_names(compare_results(*load_results([tmp_path])).tables[0]) == [
        "cat",
        "dog",
        "<b>",
    ]
    (folder / "classes.json").write_text('["cat"]')
    assert table_class_names(compare_results(*load_results([tmp_path])).tables[0]) == [
        "0",
        "1",
        "2",
    ]
