"""Metrics over classes: means against scikit-learn, intervals against a bootstrap, and pairs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score, f1_score

from cnncompare.comparison.compare import Comparison, Options, compare_results
from cnncompare.comparison.load import load_results
from cnncompare.comparison.metrics import METRICS
from tests.comparison.factory import simulate, write_run

LABELS = np.random.default_rng(5).permutation(np.repeat([0, 1, 2], [700, 250, 50])).astype(np.int16)
REFERENCES: dict[str, Callable[[Any, Any], float]] = {
    "balanced": balanced_accuracy_score,
    "f1": lambda label, predicted: f1_score(label, predicted, average="macro"),
}
metrics = pytest.mark.parametrize("name", list(REFERENCES))


def write(root: Path, seeds: int, small: dict[str, float]) -> None:
    """Write runs with equal accuracies but on the small class, of which `small` is a share."""
    right = simulate(np.random.default_rng(2), dict.fromkeys(small, 0.9), seeds, len(LABELS))
    rng = np.random.default_rng(3)
    for label, share in small.items():
        for seed, correct in enumerate(right[label]):
            correct = np.where(LABELS == 2, rng.random(len(LABELS)) < share, correct)
            write_run(root, label, seed, correct, classes=3, labels=LABELS)


def compared(root: Path, name: str) -> Comparison:
    return compare_results(*load_results([root]), Options(metric=METRICS[name]))


@metrics
def test_image_scores_have_scikit_learns_metric_as_their_mean(tmp_path: Path, name: str) -> None:
    write(tmp_path, 2, {"a": 0.5, "b": 0.9})
    for result in load_results([tmp_path])[0]:
        outcome, metric = result.outcome, METRICS[name]
        assert outcome is not None
        assert metric.per_image is not None
        expected = REFERENCES[name](outcome.label, outcome.top1)
        assert metric.per_image(outcome).mean() == pytest.approx(expected)
        assert metric.per_run(result) == pytest.approx(expected)


@metrics
def test_rows_are_ranked_and_tested_by_the_metric(tmp_path: Path, name: str) -> None:
    write(tmp_path, 3, {"a": 0.3, "b": 0.9})
    (table,) = compared(tmp_path, name).tables
    assert [row.label for row in table.rows] == ["b", "a"]
    assert [row.letters for row in table.rows] == ["a", "b"]
    (pair,) = table.pairs
    assert pair.test == "seeds-and-images"
    means = [row.estimates[name].mean or 0 for row in table.rows]
    assert pair.difference == pytest.approx(means[0] - means[1])
    assert pair.low is not None
    assert pair.low < means[0] - means[1]
    assert pair.low > 0
    assert pair.significant


def predictions(root: Path, label: str) -> NDArray[np.int16]:
    """Return the classes that a network predicted with each seed, [S, N]."""
    results = [r for r in load_results([root])[0] if r.record.label == label]
    return np.array([r.outcome.top1 for r in sorted(results, key=lambda r: r.seed) if r.outcome])


@metrics
@pytest.mark.parametrize("seeds", [1, 6])
def test_the_interval_is_as_wide_as_that_of_a_bootstrap_of_the_images(
    tmp_path: Path, name: str, seeds: int
) -> None:
    """With six seeds, those of the bootstrap are drawn with replacement."""
    write(tmp_path, seeds, {"a": 0.5, "b": 0.7})
    rng, top1 = np.random.default_rng(0), predictions(tmp_path, "a")
    draws = []
    for _ in range(400):
        rows = rng.integers(len(LABELS), size=len(LABELS))
        chosen = rng.integers(seeds, size=seeds)
        draws.append(np.mean([REFERENCES[name](LABELS[rows], top1[s, rows]) for s in chosen]))
    low, high = np.quantile(draws, [0.025, 0.975])
    rows_by_label = {row.label: row for row in compared(tmp_path, name).tables[0].rows}
    interval = rows_by_label["a"].estimates[name].interval
    assert interval.low is not None
    assert interval.high is not None
    assert interval.high - interval.low == pytest.approx(high - low, rel=0.25)
    assert (interval.high + interval.low) / 2 == pytest.approx((high + low) / 2, abs=0.02)


@metrics
def test_single_runs_are_tested_by_exchanging_predictions(tmp_path: Path, name: str) -> None:
    """The p value is that of exchanges in which the metric itself is computed again."""
    write(tmp_path, 1, {"a": 0.55, "b": 0.75})
    (pair,) = compared(tmp_path, name).tables[0].pairs
    assert pair.test == "image-permutation"
    x, y = (predictions(tmp_path, label)[0] for label in (pair.a, pair.b))
    metric, rng = REFERENCES[name], np.random.default_rng(1)
    observed = metric(LABELS, x) - metric(LABELS, y)
    as_large = 0
    for _ in range(500):
        swap = rng.random(len(LABELS)) < 0.5
        exchanged = metric(LABELS, np.where(swap, y, x)) - metric(LABELS, np.where(swap, x, y))
        as_large += abs(exchanged) >= abs(observed) - 1e-12
    assert pair.p == pytest.approx(as_large / 500, abs=0.06)
    assert pair.difference == pytest.approx(observed)
    assert (pair.wins_a, pair.wins_b) == (
        ((x == LABELS) & (y != LABELS)).sum(),
        ((y == LABELS) & (x != LABELS)).sum(),
    )
    assert pair.low is not None
    assert pair.high is not None
    assert pair.low < pair.difference < pair.high
    assert pair.plan is None or pair.plan.detectable


@metrics
def test_a_record_without_predictions_and_without_the_metric_is_unknown(
    tmp_path: Path, name: str
) -> None:
    write(tmp_path, 2, {"a": 0.5, "b": 0.7})
    for path in tmp_path.rglob("predictions.npz"):
        path.unlink()
    (table,) = compared(tmp_path, name).tables
    assert [row.estimates[name].mean for row in table.rows] == [None, None]
    assert all(row.estimates["top1"].mean is not None for row in table.rows)
    assert [(pair.p, pair.difference) for pair in table.pairs] == [(None, None)]


def test_a_recorded_value_is_used_without_predictions(tmp_path: Path) -> None:
    write(tmp_path, 2, {"a": 0.5, "b": 0.7})
    for path in tmp_path.rglob("run.json"):
        record = json.loads(path.read_text())
        record["test"] |= {"balanced_acc1": 0.75 if record["label"] == "a" else 0.5}
        path.write_text(json.dumps(record))
        (path.parent / "predictions.npz").unlink()
    (table,) = compared(tmp_path, "balanced").tables
    assert {r.label: r.estimates["balanced"].mean for r in table.rows} == {"a": 0.75, "b": 0.5}
    assert table.pairs[0].test == "permutation"
