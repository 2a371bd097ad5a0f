import numpy as np
import pytest
from scikit_posthocs import posthoc_nemenyi_friedman
from scipy.stats import friedmanchisquare

from cnncompare.stats.friedman_nemenyi import friedman_nemenyi, nemenyi_critical_difference

# Demsar 2006, table 6: AUC of C4.5, with m, with cf, with m and cf, on 14 data sets
DEMSAR = np.array(
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.9751, 0.975],
        [0.957, 0.978, 0.946, 0.970],
    ]
)
LABELS = ["C4.5", "m", "cf", "m+cf"]
DATA = [str(i) for i in range(14)]


@pytest.mark.parametrize(
    ("models", "q"), [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (10, 3.164)]
)
def test_critical_differences_agree_with_table_5_of_demsar(models: int, q: float) -> None:
    expected = q * (models * (models + 1) / (6 * 14)) ** 0.5
    assert nemenyi_critical_difference(models, 14) == pytest.approx(expected, rel=5e-4)


def test_example_of_demsar() -> None:
    found = friedman_nemenyi(LABELS, DATA, DEMSAR)
    assert dict(zip(found.labels, found.mean_ranks, strict=True)) == pytest.approx(
        {"C4.5": 3.143, "m": 2.000, "cf": 2.893, "m+cf": 1.964}, abs=1e-3
    )
    assert found.critical_difference == pytest.approx(1.25, abs=0.005)
    theirs = friedmanchisquare(*DEMSAR.T)
    assert (found.chi2, found.p) == pytest.approx((theirs.statistic, theirs.pvalue))


def test_cliques_agree_with_p_values_of_scikit_posthocs() -> None:
    found = friedman_nemenyi(LABELS, DATA, DEMSAR)
    p = posthoc_nemenyi_friedman(-DEMSAR)
    for i, a in enumerate(LABELS):
        for j, b in enumerate(LABELS):
            joined = any({a, b} <= set(bar) for bar in found.cliques)
            if i != j:
                assert joined == (p.iloc[i, j] >= 0.05)


def test_equal_scores_have_equal_ranks() -> None:
    found = friedman_nemenyi(["a", "b", "c"], ["x", "y"], np.ones((2, 3)))
    assert found.mean_ranks == [2.0, 2.0, 2.0]
    assert found.p == 1.0
