import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_ind

from cnncompare.comparison.grouping import Group, split_into_tables
from cnncompare.comparison.load import load_results
from cnncompare.comparison.metrics import METRICS
from cnncompare.comparison.pairs import Pair, compare_pairs, holm
from cnncompare.stats.two_samples import difference_of, sample_of
from tests.comparison.factory import simulate, write_run, write_sweep

TOP1 = METRICS["top1"]


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


def test_all_runs_of_both_networks_are_two_samples(sweep: Path) -> None:
    groups = {g.label: g for g in groups_of(sweep)}
    shutil.rmtree(groups["vgg16"].results[0].run.folder)
    shutil.rmtree(groups["lenet5"].results[2].run.folder)
    groups = {g.label: g for g in groups_of(sweep)}
    for pair in pairs_of(sweep):
        a, b = (
            [r.record.test.acc1 or 0.0 for r in groups[label].results] for label in (pair.a, pair.b)
        )
        assert pair.test == "seeds-and-images"
        assert pair.runs == (len(a), len(b))
        assert pair.difference == pytest.approx(np.mean(a) - np.mean(b))
        assert (pair.p < 0.05) == (pair.low > 0 or pair.high < 0)


def test_the_p_over_seeds_alone_is_welchs(tmp_path: Path) -> None:
    right = simulate(np.random.default_rng(2), {"a": 0.93, "b": 0.9}, n=400, seed_sd=0.2)
    for label, n in (("a", 3), ("b", 2)):
        for seed in range(n):
            write_run(tmp_path, label, seed, right[label][seed])
    (pair,) = pairs_of(tmp_path)
    x, y = right["a"].mean(axis=1), right["b"][:2].mean(axis=1)
    expected = stats.ttest_ind(x, y, equal_var=False).pvalue
    assert pair.p_seeds == pytest.approx(expected, rel=1e-4)


def test_without_predictions_the_runs_are_permuted(tmp_path: Path) -> None:
    right = simulate(np.random.default_rng(3), {"a": 0.95, "b": 0.8}, seeds=4, n=500)
    for i in range(4):
        write_run(tmp_path, "a", i, right["a"][i])
        write_run(tmp_path, "b", 10 + i, right["b"][i])
    for path in tmp_path.rglob("predictions.npz"):
        path.unlink()
    (pair,) = pairs_of(tmp_path)
    assert pair.test == "permutation"
    assert pair.p == pytest.approx(2 / 70)  # 8 choose 4 splits, the most extreme two
    assert pair.significant
    assert pair.verdict == "better"
    assert pair.low > 0
    assert pair.effect is None


def test_a_test_that_cannot_reject_gives_no_verdict(tmp_path: Path) -> None:
    """Three and three runs have a smallest p of 0.1."""
    write_sweep(tmp_path, {"a": 0.95, "b": 0.5}, seeds=3, n=500)
    for path in tmp_path.rglob("predictions.npz"):
        path.unlink()
    (pair,) = pairs_of(tmp_path)
    assert pair.p == pytest.approx(0.1)
    assert not pair.significant
    assert pair.too_few_runs
    assert pair.low is None


def test_unmatched_seeds_and_single_runs_do_not_tie_a_wide_gap(tmp_path: Path) -> None:
    right = simulate(np.random.default_rng(3), {"a": 0.99, "b": 0.5}, seeds=3, n=500)
    for i in range(3):
        write_run(tmp_path / "unmatched", "a", i, right["a"][i])
        write_run(tmp_path / "unmatched", "b", 3 + i, right["b"][i])
        write_run(tmp_path / "single", "b", i, right["b"][i])
    write_run(tmp_path / "single", "a", 0, right["a"][0])
    for name in ("unmatched", "single"):
        (pair,) = pairs_of(tmp_path / name)
        assert pair.significant
        assert pair.low > 0.4


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


@pytest.mark.parametrize("margin", [0.004, 0.01, 0.02, 0.05])
def test_equivalence_of_losses_agrees_with_statsmodels(tmp_path: Path, margin: float) -> None:
    """Two one-sided tests of Welch on runs whose images have no error: all scores are equal."""
    rng = np.random.default_rng(0)
    x, y = 0.5 + 0.004 * rng.standard_normal((2, 6))
    scores = [np.repeat(values[:, None], 100_000, axis=1) for values in (x, y)]
    found = difference_of(sample_of(scores[0]), sample_of(scores[1]), None)
    expected = ttost_ind(x, y, -margin, margin, usevar="unequal")[0]
    assert max(found.p_above(-margin), found.p_below(margin)) == pytest.approx(expected, abs=1e-3)


def test_a_margin_decides_between_same_better_and_undecided(tmp_path: Path) -> None:
    write_sweep(tmp_path, {"a": 0.95, "b": 0.95, "c": 0.6}, seeds=5, n=4000)
    for margin, verdict in ((0.03, "same"), (0.0001, "undecided")):
        pairs = {(p.a, p.b): p for p in compare_pairs(groups_of(tmp_path), TOP1, margin=margin)}
        assert pairs["a", "b"].verdict == verdict
        assert pairs["a", "c"].verdict == "better"
        assert pairs["a", "b"].margin == margin


def test_the_smallest_margin_of_practical_equality_is_the_boundary(tmp_path: Path) -> None:
    write_sweep(tmp_path, {"a": 0.95, "b": 0.95, "c": 0.94}, seeds=3, n=2000)
    groups = groups_of(tmp_path)
    for pair in compare_pairs(groups, TOP1):
        assert pair.verdict in ("better", "undecided")
        assert pair.margin is None
        above = compare_pairs(groups, TOP1, margin=1.001 * pair.same_within)
        assert {p.verdict for p in above if (p.a, p.b) == (pair.a, pair.b)} == {"same"}


def test_holm_agrees_with_statsmodels() -> None:
    p = [0.01, 0.2, 0.011, 0.9, 0.03, 0.01]
    expected = multipletests(p, method="holm")[1]
    assert holm([*p[:2], None, *p[2:]]) == pytest.approx([*expected[:2], None, *expected[2:]])
