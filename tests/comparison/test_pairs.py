from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from cnncompare.comparison.grouping import Group, split_into_tables
from cnncompare.comparison.load import load_results
from cnncompare.comparison.metrics import METRICS
from cnncompare.comparison.pairs import Pair, compare_pairs
from tests.comparison.factory import simulate, write_run, write_sweep


def groups_of(root: Path) -> list[Group]:
    (table,), _ = split_into_tables(load_results([root])[0])
    return sorted(table.groups, key=lambda g: g.label)


def pairs_of(root: Path, metric: str = "top1") -> list[Pair]:
    return compare_pairs(groups_of(root), METRICS[metric])


def test_single_runs_agree_with_mcnemar_and_holm_of_statsmodels(tmp_path: Path) -> None:
    models = {"a": 0.95, "b": 0.93, "c": 0.90, "d": 0.90}
    right = write_sweep(tmp_path, models, seeds=1, n=800)
    pairs = pairs_of(tmp_path)
    expected = []
    for pair in pairs:
        x, y = right[pair.a][0], right[pair.b][0]
        table = [[(x & y).sum(), (x & ~y).sum()], [(~x & y).sum(), (~x & ~y).sum()]]
        expected.append(mcnemar(table, exact=True).pvalue)
        assert pair.difference == pytest.approx(x.mean() - y.mean())
        assert pair.test == "mcnemar-exact"
        assert (pair.wins_a, pair.wins_b) == (table[0][1], table[1][0])
        assert pair.low < pair.difference < pair.high
    assert [pair.p for pair in pairs] == pytest.approx(expected)
    reject, adjusted, *_ = multipletests(expected, method="holm")
    assert [pair.p_holm for pair in pairs] == pytest.approx(list(adjusted))
    assert [pair.significant for pair in pairs] == list(reject)


def test_equal_predictions_are_not_significantly_different(tmp_path: Path) -> None:
    right = simulate(np.random.default_rng(0), {"a": 0.9}, seeds=1, n=100)["a"][0]
    write_run(tmp_path, "a", 0, right)
    write_run(tmp_path, "b", 0, right)
    (pair,) = pairs_of(tmp_path)
    assert pair.p == 1.0
    assert not pair.significant
    assert pair.effect == 0.0
    assert pair.plan is not None
    assert pair.plan.images is None


def test_runs_of_common_seeds_are_paired(sweep: Path) -> None:
    groups = {g.label: g for g in groups_of(sweep)}
    for pair in pairs_of(sweep):
        gaps = [
            a.record.test.acc1 - b.record.test.acc1
            for a, b in zip(groups[pair.a].results, groups[pair.b].results, strict=True)
        ]
        assert pair.test == "paired-seeds-and-images"
        assert pair.seeds == (0, 1, 2)
        assert pair.difference == pytest.approx(np.mean(gaps))
        assert pair.p_seeds == pytest.approx(stats.ttest_1samp(gaps, 0).pvalue, rel=1e-4)
        assert (pair.p < 0.05) == (pair.low > 0 or pair.high < 0)


def test_without_predictions_students_t_is_paired_over_seeds(sweep: Path) -> None:
    for path in sweep.rglob("predictions.npz"):
        path.unlink()
    for pair in pairs_of(sweep):
        assert pair.test == "paired-t"
        assert pair.p == pair.p_seeds
        assert pair.effect is None


def test_runs_without_common_seeds_are_permuted(tmp_path: Path) -> None:
    right = simulate(np.random.default_rng(3), {"a": 0.95, "b": 0.8}, seeds=4, n=500)
    for i in range(4):
        write_run(tmp_path, "a", i, right["a"][i])
        write_run(tmp_path, "b", 10 + i, right["b"][i])
    (pair,) = pairs_of(tmp_path)
    assert pair.test == "permutation"
    assert pair.p == pytest.approx(2 / 70)  # 8 choose 4 splits, the most extreme two
    assert pair.significant
    assert pair.low > 0


def test_one_run_against_three_cannot_be_significant(tmp_path: Path) -> None:
    right = simulate(np.random.default_rng(3), {"a": 0.95, "b": 0.6}, seeds=3, n=500)
    write_run(tmp_path, "a", 0, right["a"][0])
    for i in range(3):
        write_run(tmp_path, "b", i, right["b"][i])
    (pair,) = pairs_of(tmp_path)
    assert pair.test == "permutation"
    assert not pair.significant


def test_a_loss_of_single_runs_has_a_difference_and_no_test(tmp_path: Path) -> None:
    write_sweep(tmp_path, {"a": 0.9, "b": 0.8}, seeds=1, n=200)
    (pair,) = pairs_of(tmp_path, "nll")
    assert pair.difference < 0
    assert pair.test == "none"
    assert pair.p is None
    assert pair.p_holm is None
    assert not pair.significant


def test_with_a_baseline_only_its_pairs_are_adjusted_for(sweep: Path) -> None:
    pairs = compare_pairs(groups_of(sweep), METRICS["top1"], baseline="vgg16")
    assert len(pairs) == 2
    expected = multipletests([pair.p for pair in pairs], method="holm")[1]
    assert [pair.p_holm for pair in pairs] == pytest.approx(list(expected))
