import numpy as np
import pytest
from scipy.stats import ttest_ind

from cnncompare.stats.pair_variances import (
    pair_degrees_of_freedom,
    pair_image_variances,
    pair_seed_variances,
)

A, B = [91.0, 92.5, 90.5, 91.2], [88.0, 95.0, 91.0]
RUNS = np.array([4.0, 3.0])
SQUARES = np.array([len(x) * np.var(x) for x in (A, B)])


def test_degrees_of_freedom_are_those_of_welch_s_test() -> None:
    found = pair_degrees_of_freedom(RUNS, SQUARES)[0, 1]
    assert found == pytest.approx(ttest_ind(A, B, equal_var=False).df)


def test_degrees_of_freedom_stay_within_their_bounds() -> None:
    equal = pair_degrees_of_freedom(np.array([3.0, 3.0]), np.array([2.0, 2.0]))[0, 1]
    assert equal == pytest.approx(4.0)
    assert pair_degrees_of_freedom(np.array([1.0, 0.0]), np.zeros(2))[0, 1] == 1.0


def test_the_largest_variance_counts() -> None:
    own = SQUARES.sum() / 5
    # of the difference of means, in units of 1/4 + 1/3
    welch = (np.var(A, ddof=1) / 4 + np.var(B, ddof=1) / 3) / (1 / 4 + 1 / 3)
    assert welch > own
    assert pair_seed_variances(RUNS, SQUARES, 0.0)[0, 1] == pytest.approx(welch)
    assert pair_seed_variances(RUNS, SQUARES, 100.0)[0, 1] == 100.0


def test_a_pair_of_even_networks_is_judged_by_the_pool() -> None:
    runs, squares = np.array([3.0, 3.0, 3.0]), np.array([0.1, 0.1, 40.0])
    pooled = squares.sum() / 6
    assert pair_seed_variances(runs, squares, 0.0)[0, 1] == pytest.approx(pooled)


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
