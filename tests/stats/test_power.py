import numpy as np
import pytest
from statsmodels.stats.power import TTestPower

from cnncompare.stats.power import (
    plan_sample_sizes,
    power_mcnemar,
    power_over_runs,
    power_over_seeds_and_images,
)
from cnncompare.stats.two_samples import Difference


@pytest.mark.parametrize("seeds", [3, 5, 12])
def test_power_over_paired_runs_agrees_with_statsmodels(seeds: int) -> None:
    power = power_over_runs(variance=0.01**2, seeds=seeds, samples=1)
    expected = TTestPower().power(0.015 / 0.01, seeds, 0.05)
    assert power(0.015, 0.05, None, None) == pytest.approx(expected, abs=0.01)


def test_mcnemar_power_agrees_with_simulated_tests() -> None:
    from scipy.stats import binom

    rng = np.random.default_rng(0)
    n, discordant, difference = 2000, 0.08, 0.02
    wins = (discordant + difference) / 2
    draws = rng.multinomial(n, [wins, discordant - wins, 1 - discordant], size=20_000)
    p = 2 * binom.cdf(draws[:, :2].min(axis=1), draws[:, :2].sum(axis=1), 0.5)
    found = power_mcnemar(discordant, n)(difference, 0.05, None, None)
    assert found == pytest.approx((p < 0.05).mean(), abs=0.01)


def test_the_plan_reaches_the_target_power_and_fewer_seeds_do_not() -> None:
    power = power_over_runs(variance=0.01**2, seeds=3, samples=1)
    found = plan_sample_sizes(0.008, power, 0.05, seeds=3, images=None)
    assert found.seeds is not None
    assert power(0.008, 0.05, found.seeds, None) >= 0.8
    assert power(0.008, 0.05, found.seeds - 2, None) < 0.8
    assert found.images is None
    assert found.detectable is not None
    assert power(found.detectable, 0.05, None, None) == pytest.approx(0.8, abs=0.01)


def test_a_difference_of_0_has_no_plan() -> None:
    power = power_over_runs(variance=0.01**2, seeds=3, samples=1)
    found = plan_sample_sizes(0.0, power, 0.05, seeds=3, images=100)
    assert (found.seeds, found.images) == (None, None)


@pytest.mark.parametrize("df", [1.0, 1.3, 2.0])
def test_two_runs_of_each_network_have_little_power_but_a_number(df: float) -> None:
    found = Difference(0.06, 0.0155, 0.0004, df, (2, 2), 360, 0.031, 0.0, cautious=True)
    assert found.cautious_df < df
    power = power_over_seeds_and_images(found)
    low, high = power(0.1, 0.05, None, None), power(1.0, 0.05, None, None)
    assert 0.03 < low < high < 0.9
    assert power(0.3, 0.05, 6, None) > power(0.3, 0.05, 3, None) > low
