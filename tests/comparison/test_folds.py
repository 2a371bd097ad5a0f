"""Rows, estimates and pairs over folds and hold-outs, against hand calculations."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, f1_score

from cnncompare.comparison.compare import ComparedTable, Comparison, Options, compare_results
from cnncompare.comparison.load import Result, load_results
from cnncompare.comparison.metrics import Metric, metric_named
from cnncompare.comparison.outcome import Outcome
from cnncompare.comparison.pairs import compare_pairs
from cnncompare.comparison.predictions import analyse_predictions
from tests.comparison.factory import simulate, write_run
from tests.comparison.fold_runs import deal, write_fold, write_folds


def compared(root: Path, **options: Any) -> Comparison:
    return compare_results(*load_results([root]), Options(**options))


def only_table(root: Path) -> ComparedTable:
    (table,) = compared(root).tables
    return table


def simulated(n: int = 500, **models: float) -> dict[str, NDArray[np.bool_]]:
    return {k: v[0] for k, v in simulate(np.random.default_rng(3), models, 1, n).items()}


def test_a_row_pools_its_folds_and_tests_each_image_once(tmp_path: Path) -> None:
    correct = simulated(vgg16=0.9, lenet5=0.8)
    write_folds(tmp_path, correct)
    table = only_table(tmp_path)
    assert [row.label for row in table.rows] == ["vgg16", "lenet5"]
    for row in table.rows:
        assert row.resampling is not None
        assert (row.resampling.numbers, row.resampling.n_tested) == ([1, 2, 3, 4, 5], 500)
        assert row.estimates["top1"].mean == pytest.approx(correct[row.label].mean())
        assert row.group.seeds == [0]
        assert len(row.group.results) == 5


def test_folds_of_unequal_size_are_weighted_by_their_images(tmp_path: Path) -> None:
    correct = simulated(503, vgg16=0.9, lenet5=0.6)
    write_folds(tmp_path, correct, folds=4)
    (pair,) = only_table(tmp_path).pairs
    expected = correct["vgg16"].mean() - correct["lenet5"].mean()
    assert pair.difference == pytest.approx(expected)


def test_a_pair_has_the_corrected_t_of_nadeau_and_bengio(tmp_path: Path) -> None:
    correct = simulated(vgg16=0.9, lenet5=0.85)
    images = write_folds(tmp_path, correct)
    (pair,) = only_table(tmp_path).pairs
    d = np.array([correct["vgg16"][i].mean() - correct["lenet5"][i].mean() for i in images])
    variance = (1 / 5 + 100 / 400) * d.var(ddof=1)  # n_test / n_train = 100 / 400
    t = d.mean() / math.sqrt(variance)
    assert pair.test == "corrected-resampled-t"
    assert pair.folds == (1, 2, 3, 4, 5)
    assert pair.seeds == (0,)
    assert pair.p == pytest.approx(2 * stats.t.sf(abs(t), 4))
    half = stats.t.ppf(0.975, 4) * math.sqrt(variance)
    assert (pair.low, pair.high) == pytest.approx((d.mean() - half, d.mean() + half))
    assert pair.wins_a == int((correct["vgg16"] & ~correct["lenet5"]).sum())
    assert pair.wins_b == int((correct["lenet5"] & ~correct["vgg16"]).sum())


def test_the_interval_of_a_row_is_corrected_too(tmp_path: Path) -> None:
    correct = simulated(vgg16=0.7)
    images = write_folds(tmp_path, correct)
    estimate = only_table(tmp_path).rows[0].estimates["top1"]
    values = np.array([correct["vgg16"][i].mean() for i in images])
    half = stats.t.ppf(0.975, 4) * math.sqrt((1 / 5 + 1 / 4) * values.var(ddof=1))
    assert estimate.sd == pytest.approx(values.std(ddof=1))
    assert estimate.interval.low == pytest.approx(values.mean() - half)
    assert estimate.interval.high == pytest.approx(values.mean() + half)
    assert estimate.interval.method == "corrected t over folds"


def test_seeds_are_averaged_within_each_fold(tmp_path: Path) -> None:
    runs = simulate(np.random.default_rng(0), {"vgg16": 0.9, "lenet5": 0.8}, 3, 400)
    for seed in range(3):
        write_folds(tmp_path, {k: v[seed] for k, v in runs.items()}, folds=4, seed=seed)
    table = only_table(tmp_path)
    (pair,) = table.pairs
    d = [
        np.mean([runs["vgg16"][s][i].mean() - runs["lenet5"][s][i].mean() for s in range(3)])
        for i in deal(400, 4)
    ]
    t = np.mean(d) / math.sqrt((1 / 4 + 1 / 3) * np.var(d, ddof=1))
    assert pair.p == pytest.approx(2 * stats.t.sf(abs(t), 3))
    assert pair.seeds == (0, 1, 2)
    assert table.rows[0].group.seeds == [0, 1, 2]
    assert len(table.rows[0].group.results) == 12
    assert table.rows[0].resampling is not None
    assert table.rows[0].resampling.n_tested == 400


def test_only_common_folds_are_compared(tmp_path: Path) -> None:
    correct = simulated(vgg16=0.9, lenet5=0.8)
    for number, index in enumerate(deal(500, 5), start=1):
        write_fold(tmp_path, "vgg16", number, correct["vgg16"], index)
        if number in (2, 5):
            write_fold(tmp_path, "lenet5", number, correct["lenet5"], index)
    table = only_table(tmp_path)
    (pair,) = table.pairs
    assert pair.folds == (2, 5)
    both = np.concatenate([deal(500, 5)[1], deal(500, 5)[4]])
    expected = correct["vgg16"][both].mean() - correct["lenet5"][both].mean()
    assert pair.difference == pytest.approx(expected)
    (row,) = [row for row in table.rows if row.label == "lenet5"]
    assert row.resampling is not None
    assert row.resampling.n_tested == 200


def test_one_common_fold_is_compared_by_its_images(tmp_path: Path) -> None:
    correct = simulated(vgg16=0.9, lenet5=0.8)
    images = deal(500, 5)
    for label, numbers in (("vgg16", (1, 2)), ("lenet5", (2, 3))):
        for number in numbers:
            write_fold(tmp_path, label, number, correct[label], images[number - 1])
    (pair,) = only_table(tmp_path).pairs
    a, b = (correct[label][images[1]] for label in ("vgg16", "lenet5"))
    wins, losses = int((a & ~b).sum()), int((b & ~a).sum())
    assert (pair.test, pair.folds) == ("mcnemar-exact", (2,))
    assert pair.p == pytest.approx(stats.binomtest(wins, wins + losses).pvalue)


def test_networks_without_a_common_fold_are_not_tested(tmp_path: Path) -> None:
    correct, images = simulated(vgg16=0.9, lenet5=0.8), deal(500, 5)
    write_fold(tmp_path, "vgg16", 1, correct["vgg16"], images[0])
    write_fold(tmp_path, "lenet5", 2, correct["lenet5"], images[1])
    (pair,) = only_table(tmp_path).pairs
    assert (pair.test, pair.p, pair.difference, pair.folds) == ("none", None, None, ())


def test_folds_with_equal_numbers_but_other_images_are_not_paired(tmp_path: Path) -> None:
    correct, images = simulated(vgg16=0.9, lenet5=0.8), deal(500, 5)
    for number in (1, 2, 3):
        write_fold(tmp_path, "vgg16", number, correct["vgg16"], images[number - 1])
        other = {"fingerprint": "e" * 64} if number == 3 else {}
        write_fold(tmp_path, "lenet5", number, correct["lenet5"], images[number - 1], changes=other)
    (pair,) = only_table(tmp_path).pairs
    assert pair.folds == (1, 2)


def test_folds_and_an_ordinary_split_are_in_two_tables(tmp_path: Path) -> None:
    correct = simulated(vgg16=0.9, lenet5=0.8)
    write_folds(tmp_path / "folds", correct)
    write_fold(tmp_path / "hold", "vgg16", 1, correct["vgg16"], deal(500, 5)[0], holdout=0.2)
    for label, hits in correct.items():
        write_run(tmp_path / "split", label, 0, hits)
    comparison = compared(tmp_path)
    values = comparison.differing["resampling"]
    assert sorted(values, key=str) == ["5 folds", None, "hold-outs of 0.2"]
    assert [len(row.group.results) for row in comparison.tables[0].rows] == [5, 5]


def test_other_numbers_of_folds_are_in_other_tables(tmp_path: Path) -> None:
    correct = simulated(vgg16=0.9, lenet5=0.8)
    write_folds(tmp_path / "five", correct, folds=5)
    write_folds(tmp_path / "three", correct, folds=3)
    assert compared(tmp_path).differing["resampling"] == ["5 folds", "3 folds"]


def test_holdouts_are_compared_with_their_own_sizes(tmp_path: Path) -> None:
    correct, draws = simulated(vgg16=0.9, lenet5=0.85), np.random.default_rng(0)
    images = [np.sort(draws.choice(500, 100, replace=False)) for _ in range(6)]
    for label, hits in correct.items():
        for number, index in enumerate(images, start=1):
            write_fold(tmp_path, label, number, hits, index, holdout=0.2)
    table = only_table(tmp_path)
    (pair,) = table.pairs
    d = np.array([correct["vgg16"][i].mean() - correct["lenet5"][i].mean() for i in images])
    t = d.mean() / math.sqrt((1 / 6 + 100 / 400) * d.var(ddof=1))
    assert pair.p == pytest.approx(2 * stats.t.sf(abs(t), 5))
    assert table.rows[0].resampling is not None
    assert table.rows[0].resampling.n_tested == len(np.unique(np.concatenate(images)))


@pytest.mark.parametrize("name", ["nll", "ece"])
def test_metrics_without_scores_of_images_are_compared_by_fold(tmp_path: Path, name: str) -> None:
    write_folds(tmp_path, simulated(vgg16=0.9, lenet5=0.7))
    (table,) = compared(tmp_path, metric=metric_named(name)).tables
    (pair,) = table.pairs
    assert pair.test == "corrected-resampled-t"
    assert pair.p is not None
    assert (pair.wins_a, pair.effect) == (None, None)


@pytest.mark.parametrize(
    ("name", "score"),
    [
        ("balanced", balanced_accuracy_score),
        ("f1", lambda true, predicted: f1_score(true, predicted, average="macro")),
    ],
)
def test_balanced_metrics_are_those_of_scikit_learn_in_each_fold(
    tmp_path: Path, name: str, score: Callable[..., float]
) -> None:
    write_folds(tmp_path, simulated(501, vgg16=0.9, lenet5=0.7), folds=3)
    (table,) = compared(tmp_path, metric=metric_named(name)).tables
    values = {
        row.label: [
            score(run.outcome.label, run.outcome.top1)
            for run in sorted(row.group.results, key=lambda run: run.number)
            if run.outcome is not None
        ]
        for row in table.rows
    }
    d = np.subtract(values["vgg16"], values["lenet5"])
    (pair,) = table.pairs
    t = d.mean() / math.sqrt((1 / 3 + 167 / 334) * d.var(ddof=1))
    assert (pair.a, pair.difference) == ("vgg16", pytest.approx(d.mean()))
    assert pair.p == pytest.approx(2 * stats.t.sf(abs(t), 2))
    assert table.rows[0].estimates[name].mean == pytest.approx(np.mean(values["vgg16"]))


def test_predictions_of_all_folds_are_analysed_together(tmp_path: Path) -> None:
    correct = simulated(vgg16=0.9, lenet5=0.8, resnet20=0.85)
    write_folds(tmp_path, correct)
    details = analyse_predictions(only_table(tmp_path))
    assert details is not None
    assert set(details.chosen) == set(correct)
    for label, outcome in details.chosen.items():
        assert outcome.index is not None
        assert outcome.index.tolist() == list(range(500))
        np.testing.assert_array_equal(outcome.correct1, correct[label])
        expected = confusion_matrix(np.arange(500) % 10, outcome.top1)
        np.testing.assert_array_equal(details.matrices[label], expected)
        assert [accuracy.n for accuracy in details.classes[label]] == [50] * 10
    assert details.vote is not None


def test_a_network_without_all_folds_is_left_out_of_the_agreement(tmp_path: Path) -> None:
    correct = simulated(vgg16=0.9, lenet5=0.8, resnet20=0.85)
    images = write_folds(tmp_path, {k: correct[k] for k in ("vgg16", "resnet20")})
    write_fold(tmp_path, "lenet5", 1, correct["lenet5"], images[0])
    details = analyse_predictions(only_table(tmp_path))
    assert details is not None
    assert set(details.chosen) == {"vgg16", "resnet20"}
    assert set(details.matrices) == set(correct)


def test_a_fold_that_ran_twice_counts_once(tmp_path: Path) -> None:
    correct = simulated(vgg16=0.9)
    images = write_folds(tmp_path / "a", correct)
    write_fold(tmp_path / "b", "vgg16", 1, ~correct["vgg16"], images[0])
    comparison = compared(tmp_path)
    (row,) = comparison.tables[0].rows
    assert len(row.group.results) == 5
    (skipped,) = comparison.skipped
    assert "same configuration and seed as" in skipped.reason
    expected = correct["vgg16"].copy()
    expected[images[0]] ^= True
    assert row.estimates["top1"].mean == pytest.approx(expected.mean())


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (None, "a fold needs index"),
        (np.arange(99), "a fold needs index"),
        (np.arange(100) * 1.5, "a fold needs index"),
        (np.arange(100) + 450, "index must ascend within the 500 images"),
        (np.arange(100) - 1, "index must ascend within the 500 images"),
        (np.zeros(100, np.int64), "index must ascend within the 500 images"),
    ],
)
def test_predictions_without_a_valid_index_are_not_used(
    tmp_path: Path, index: Any, message: str
) -> None:
    correct = simulated(vgg16=0.9)["vgg16"]
    folder = write_fold(tmp_path, "vgg16", 1, correct, deal(500, 5)[0])
    with np.load(folder / "predictions.npz") as arrays:
        kept = {name: values for name, values in arrays.items() if name != "index"}
    extra = {} if index is None else {"index": index}
    np.savez(folder / "predictions.npz", **kept, **extra)
    (result,), (skipped,) = load_results([tmp_path])
    assert result.outcome is None
    assert message in skipped.reason


def test_an_untrained_fold_leaves_the_others(tmp_path: Path) -> None:
    correct = simulated(vgg16=0.9, lenet5=0.8)
    images = write_folds(tmp_path, {"vgg16": correct["vgg16"]})
    for number, index in enumerate(images, start=1):
        folder = write_fold(tmp_path, "lenet5", number, correct["lenet5"], index)
        if number == 4:
            record = json.loads((folder / "run.json").read_text())
            finding = {"check": "at_chance", "evidence": "at chance", "advice": "lower the rate"}
            record["training"]["health"] = [finding]
            (folder / "run.json").write_text(json.dumps(record))
    table = only_table(tmp_path)
    (pair,) = table.pairs
    assert pair.folds == (1, 2, 3, 5)
    (row,) = [row for row in table.rows if row.label == "lenet5"]
    assert (row.did_not_train, len(row.group.results)) == (1, 4)


def test_a_single_fold_is_estimated_over_its_images(tmp_path: Path) -> None:
    correct, images = simulated(vgg16=0.9)["vgg16"], deal(500, 5)
    write_fold(tmp_path, "vgg16", 3, correct, images[2])
    estimate = only_table(tmp_path).rows[0].estimates["top1"]
    n, k = 100, int(correct[images[2]].sum())
    interval = stats.binomtest(k, n).proportion_ci(method="wilson")
    assert (estimate.interval.low, estimate.interval.high) == pytest.approx(tuple(interval))
    assert estimate.sd is None


def test_scores_that_are_no_shares_are_compared_by_their_mean(tmp_path: Path) -> None:
    """A metric in which the images of class 0 count five times."""

    def per_image(outcome: Outcome) -> Any:
        return outcome.correct1 * np.where(outcome.label == 0, 5.0, 1.0)

    def per_run(result: Result) -> float | None:
        return None if result.outcome is None else float(per_image(result.outcome).mean())

    correct = simulated(vgg16=0.9, lenet5=0.8)
    images = write_folds(tmp_path, correct)
    metric = Metric("weighted", "weighted", True, per_run, per_image)
    groups = [row.group for row in only_table(tmp_path).rows]
    (pair,) = compare_pairs(groups, metric)
    weights = np.where(np.arange(500) % 10 == 0, 5.0, 1.0)
    effects = weights * (correct["vgg16"].astype(float) - correct["lenet5"])
    d = np.array([effects[i].mean() for i in images])
    t = d.mean() / math.sqrt((1 / 5 + 1 / 4) * d.var(ddof=1))
    assert pair.difference == pytest.approx(effects.mean())
    assert pair.p == pytest.approx(2 * stats.t.sf(abs(t), 4))
    assert pair.wins_a == int((correct["vgg16"] & ~correct["lenet5"]).sum())
