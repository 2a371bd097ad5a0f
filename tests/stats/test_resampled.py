"""The corrected resampled t test against hand calculations and closed forms."""

import math

import numpy as np
import pytest
from scipy import stats

from cnncompare.stats.resampled import resampled_mean


def t4_tail(t: float) -> float:
    """Return P(T > t) for 4 degrees of freedom, in closed form."""
    x = t / math.sqrt(t * t + 4)
    return 0.5 - 0.25 * x * (3 - x * x)


def test_the_closed_form_has_the_tabulated_quantile() -> None:
    assert t4_tail(2.776445) == pytest.approx(0.025, abs=1e-7)


def test_five_folds_by_hand() -> None:
    # mean 0.02; squared deviations 0, 1, 1, 4, 4 (in 1e-4), so s^2 = 10e-4 / 4 = 2.5e-4;
    # variance of the mean (1/5 + 20/80) 2.5e-4 = 1.125e-4; t = 0.02 / 0.0106066 = 1.885618
    found = resampled_mean([0.02, 0.01, 0.03, 0.00, 0.04], [20] * 5, ratio=20 / 80)
    assert found.mean == pytest.approx(0.02)
    assert found.variance == pytest.approx(2.5e-4)
    assert found.variance_of_mean == pytest.approx(1.125e-4)
    assert found.p_value() == pytest.approx(2 * t4_tail(1.885618), abs=1e-6)
    assert found.half_width() == pytest.approx(2.776445 * 0.0106066, abs=1e-6)


def test_without_overlap_it_is_students_t() -> None:
    values = np.random.default_rng(0).normal(0.3, 1, 7)
    found = resampled_mean(values.tolist(), [1] * 7, ratio=0.0)
    theirs = stats.ttest_1samp(values, 0)
    assert found.p_value() == pytest.approx(theirs.pvalue)
    low, high = theirs.confidence_interval()
    assert found.mean - found.half_width() == pytest.approx(low)
    assert found.mean + found.half_width() == pytest.approx(high)


def test_more_overlap_gives_wider_intervals() -> None:
    values = [0.01, 0.03, 0.02]
    widths = [resampled_mean(values, [9] * 3, ratio).half_width() for ratio in (0.0, 0.1, 0.5)]
    assert widths == sorted(widths)
    assert widths[2] / widths[0] == pytest.approx(math.sqrt((1 / 3 + 0.5) / (1 / 3)))


def test_the_mean_is_weighted_by_test_images() -> None:
    found = resampled_mean([0.5, 0.8], [10, 30], ratio=1.0)
    assert found.mean == pytest.approx((0.5 * 10 + 0.8 * 30) / 40)
    assert found.variance == pytest.approx(0.15**2 * 2)


def test_equal_values_have_at_least_the_variance_of_rounding() -> None:
    assert resampled_mean([0.1, 0.1], [5, 5], 1.0).p_value() == 0.0
    assert resampled_mean([0.0, 0.0], [5, 5], 1.0).p_value() == 1.0
    rounded = resampled_mean([0.1, 0.1], [5, 5], 1.0, least_variance=0.01)
    assert rounded.variance == 0.01
    assert 0 < rounded.p_value() < 1


def test_the_level_is_kept_where_the_training_sets_overlap() -> None:
    """Folds whose values have the correlation that the correction assumes, n_test / n."""
    draws, n_folds = np.random.default_rng(1), 5
    correlation = 0.2
    common = draws.normal(0, math.sqrt(correlation), (4000, 1))
    values = common + draws.normal(0, math.sqrt(1 - correlation), (4000, n_folds))
    ratio = correlation / (1 - correlation)
    p = [resampled_mean(row.tolist(), [1] * n_folds, ratio).p_value() for row in values]
    uncorrected = stats.ttest_1samp(values, 0, axis=1).pvalue
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.015)
    assert np.mean(uncorrected < 0.05) > 0.12
