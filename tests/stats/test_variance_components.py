import numpy as np
import pytest
from scipy import stats

from cnncompare.stats.variance_components import (
    estimate_variance_components,
    least_significant_difference,
    two_sided_p,
)
from tests.comparison.factory import simulate


def test_components_agree_with_a_two_way_anova_by_hand() -> None:
    right = simulate(np.random.default_rng(1), {"a": 0.8, "b": 0.7}, seeds=4, n=50)
    values = right["a"].astype(np.int8) - right["b"].astype(np.int8)
    found = estimate_variance_components(values)
    rest = values - values.mean(0) - values.mean(1, keepdims=True) + values.mean()
    ms_rest = (rest**2).sum() / (3 * 49)
    assert found.var_rest == pytest.approx(ms_rest)
    assert found.var_image == pytest.approx((4 * values.mean(0).var(ddof=1) - ms_rest) / 4)
    assert found.seed_variance_of_mean() == pytest.approx(values.mean(1).var(ddof=1) / 4)
    assert found.mean == pytest.approx(values.mean())


def test_two_sided_p_is_students_t_without_images_and_normal_without_seeds() -> None:
    assert two_sided_p(0.02, 1e-4, 0.0, 3) == pytest.approx(2 * stats.t.sf(2, 3), rel=1e-6)
    assert two_sided_p(0.02, 1e-9, 1e-4, 3) == pytest.approx(2 * stats.norm.sf(2), rel=1e-3)


@pytest.mark.parametrize("df", [1, 2, 9])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_two_sided_p_agrees_with_simulated_draws(df: int, share: float) -> None:
    rng = np.random.default_rng(0)
    draws = np.sqrt(share) * rng.standard_t(df, 400_000)
    draws += np.sqrt(1 - share) * rng.standard_normal(400_000)
    found = two_sided_p(2.5, share, 1 - share, df)
    assert found == pytest.approx((abs(draws) > 2.5).mean(), abs=0.002)


@pytest.mark.parametrize("alpha", [0.05, 0.05 / 28])
@pytest.mark.parametrize("share", [0.0, 0.33, 1.0])
def test_p_at_the_least_significant_difference_is_alpha(alpha: float, share: float) -> None:
    bound = float(least_significant_difference(share * 1e-4, (1 - share) * 1e-4, 2, alpha))
    assert two_sided_p(bound, share * 1e-4, (1 - share) * 1e-4, 2) == pytest.approx(alpha, rel=0.02)


def test_equal_differences_in_every_seed_are_not_significant() -> None:
    """One image in each of 3 seeds could be an effect of rounding."""
    values = np.zeros((3, 360), dtype=np.int8)
    values[:, 0] = 1
    found = estimate_variance_components(values)
    assert (
        two_sided_p(found.mean, found.seed_variance_of_mean(), found.image_variance_of_mean(), 2)
        > 0.05
    )


@pytest.mark.parametrize("alpha", [0.05, 0.05 / 66])
@pytest.mark.parametrize("df", [1, 2, 5])
def test_the_interpolated_bound_agrees_with_the_exact_one(df: int, alpha: float) -> None:
    shares = np.array([0.0005, 0.004, 0.02, 0.1, 0.4, 0.8])
    bounds = least_significant_difference(shares, 1 - shares, df, alpha)
    for share, bound in zip(shares, bounds, strict=True):
        assert two_sided_p(float(bound), share, 1 - share, df) == pytest.approx(alpha, rel=0.08)
        exact = float(least_significant_difference(float(share), float(1 - share), df, alpha))
        assert two_sided_p(exact, share, 1 - share, df) == pytest.approx(alpha, rel=1e-3)
