import numpy as np
import pytest
from scipy.stats import f, ttest_ind

from cnncompare.stats.pair_variances import MOST_DF, pair_image_variances, seed_noise

A, B = [91.0, 92.5, 90.5, 91.2], [88.0, 95.0, 91.0]
RUNS = np.array([4.0, 3.0])
SQUARES = np.array([len(x) * np.var(x) for x in (A, B)])


def test_degrees_of_freedom_are_those_of_welch_s_test() -> None:
    found = seed_noise(RUNS, SQUARES, 0.0).df[0, 1]
    assert found == pytest.approx(ttest_ind(A, B, equal_var=False).df)


def test_degrees_of_freedom_stay_within_their_bounds() -> None:
    equal = seed_noise(np.array([3.0, 3.0]), np.array([2.0, 2.0]), 0.0).df[0, 1]
    assert equal == pytest.approx(4.0)
    assert seed_noise(np.array([1.0, 0.0]), np.zeros(2), 0.0).df[0, 1] == 1.0


def test_the_variance_is_that_of_welch_s_test_and_at_least_that_of_rounding() -> None:
    found = ttest_ind(A, B, equal_var=False)
    variance = seed_noise(RUNS, SQUARES, 0.0).pairs[0, 1]
    standard_error = np.sqrt(variance * (1 / 4 + 1 / 3))
    assert abs(np.mean(A) - np.mean(B)) / standard_error == pytest.approx(abs(found.statistic))
    assert seed_noise(RUNS, SQUARES, 100.0).pairs[0, 1] == 100.0


def test_a_pair_of_even_networks_is_judged_by_the_pool() -> None:
    runs, squares = np.full(4, 6.0), np.array([0.1, 4.0, 5.0, 6.0])
    found = seed_noise(runs, squares, 0.0)
    assert found.pairs[0, 1] == found.pairs[0, 2] == pytest.approx(15.1 / 20)
    assert found.df[0, 1] == 20
    assert found.pairs[2, 3] == pytest.approx((1.0 + 1.2) / 2)  # above the pool
    assert found.df[2, 3] <= 10
    assert found.networks == pytest.approx([15.1 / 20, 0.8, 1.0, 1.2])


def test_a_network_that_spreads_significantly_more_is_no_part_of_the_pool() -> None:
    runs, squares = np.full(4, 6.0), np.array([5.0, 5.0, 5.0, 5.0 * 25])
    assert f.sf(25, 5, 15) < 0.01 / 4
    found = seed_noise(runs, squares, 0.0)
    assert found.pairs[0, 1] == pytest.approx(1.0)
    assert found.df[0, 1] == 15
    assert found.pairs[0, 3] == pytest.approx((1.0 + 25.0) / 2)
    mild = seed_noise(runs, np.array([5.0, 5.0, 5.0, 5.0 * 3]), 0.0)
    assert f.sf(3, 5, 15) > 0.01 / 4
    assert mild.pairs[0, 1] == pytest.approx(30.0 / 20)


@pytest.mark.parametrize(("runs", "most"), [(2, MOST_DF[0]), (3, MOST_DF[1]), (4, MOST_DF[2])])
def test_with_few_runs_the_pool_has_few_degrees_of_freedom(runs: int, most: float) -> None:
    found = seed_noise(np.full(20, float(runs)), np.full(20, 3.0 * (runs - 1)), 0.0)
    assert found.pairs[0, 1] == pytest.approx(3.0)
    assert found.df[0, 1] == most


def test_many_studies_at_once_give_what_each_gives_alone() -> None:
    rng = np.random.default_rng(3)
    runs = rng.integers(1, 6, (50, 5)).astype(float)
    squares = rng.chisquare(3, (50, 5)) * rng.choice([1.0, 100.0], (50, 5)) * (runs > 1)
    together = seed_noise(runs, squares, 1e-9)
    for i in range(50):
        alone = seed_noise(runs[i], squares[i], 1e-9)
        assert np.allclose(together.pairs[i], alone.pairs)
        assert np.allclose(together.df[i], alone.df)
        assert np.allclose(together.networks[i], alone.networks)


def test_the_images_variance_is_that_of_products_between_different_runs() -> None:
    rng = np.random.default_rng(0)
    chance = rng.random((2, 40))
    correct = [rng.random((runs, 40)) < chance[k] for k, runs in enumerate((3, 4))]
    sums = np.array([rows.sum(0) for rows in correct])
    accuracies = [[float(row.mean()) for row in rows] for rows in correct]
    found = pair_image_variances(sums, np.array([3, 4]), accuracies)[0, 1]

    def mean_covariance(x: np.ndarray, y: np.ndarray, *, different: bool) -> float:
        pairs = [
            np.cov(x[i], y[j])[0, 1]
            for i in range(len(x))
            for j in range(len(y))
            if not different or i != j
        ]
        return float(np.mean(pairs))

    a, b = correct
    variance = (
        mean_covariance(a, a, different=True)
        + mean_covariance(b, b, different=True)
        - 2 * mean_covariance(a, b, different=False)
    )
    assert variance > 0
    assert found == pytest.approx(variance / 40 + 2 / 40**2)


def test_networks_without_errors_do_not_look_certain() -> None:
    sums = np.full((2, 50), 3)
    found = pair_image_variances(sums, np.array([3, 3]), [[1.0] * 3] * 2)
    assert found[0, 1] == pytest.approx(2 / 50**2)
