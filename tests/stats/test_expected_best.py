"""The expected best of trials, against enumerations and draws."""

from itertools import product

import numpy as np
import pytest

from cnncompare.stats.expected_best import expected_best


@pytest.mark.parametrize(
    "values", [[0.3], [0.2, 0.9], [0.5, 0.1, 0.4, 0.8], [0.7, 0.7, 0.2, 0.7, 0.9], [0.5] * 4]
)
def test_it_equals_the_mean_over_all_samples_with_replacement(values: list[float]) -> None:
    found = expected_best(values)
    assert [point.n for point in found] == list(range(1, len(values) + 1))
    for point in found:
        best = [max(sample) for sample in product(values, repeat=point.n)]
        assert point.mean == pytest.approx(np.mean(best))
        assert point.sd == pytest.approx(np.std(best), abs=1e-12)


def test_it_equals_bootstraps() -> None:
    rng = np.random.default_rng(0)
    values = rng.beta(8, 2, 20)
    for point in expected_best(values.tolist())[::5]:
        best = rng.choice(values, (20_000, point.n)).max(axis=1)
        assert point.mean == pytest.approx(best.mean(), abs=4 * best.std() / 20_000**0.5 + 1e-12)
        assert point.sd == pytest.approx(best.std(), rel=0.05)


def test_one_trial_is_the_mean_and_more_are_never_worse() -> None:
    values = [0.1, 0.8, 0.5, 0.6]
    found = expected_best(values)
    assert found[0].mean == pytest.approx(0.5)
    means = [point.mean for point in found]
    assert means == sorted(means)
    assert means[-1] <= max(values)
