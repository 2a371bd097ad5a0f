"""The exchange of predictions against McNemar, Bonett-Price and the power of statsmodels."""

import numpy as np
import pytest
from scipy.stats import binomtest
from statsmodels.stats.power import NormalIndPower

from cnncompare.stats.class_scores import balanced_influence, score_classes
from cnncompare.stats.intervals import PairedShares
from cnncompare.stats.paired_images import difference_over_images, power_over_images, sign_flip_p


@pytest.mark.parametrize(("wins", "losses"), [(12, 3), (5, 5), (40, 25), (1, 0)])
def test_equal_effects_give_mcnemars_test(wins: int, losses: int) -> None:
    effects = np.repeat([1.0, -1.0, 0.0], [wins, losses, 100])
    exact = binomtest(wins, wins + losses).pvalue
    noise = 4 * np.sqrt(exact * (1 - exact) / 9999) + 1e-4
    assert sign_flip_p(effects) == pytest.approx(exact, abs=noise)


def test_few_images_of_a_small_class_are_not_significant() -> None:
    """Four of four in favour of one network: 2 of 16 exchanges are as large."""
    effects = np.concatenate([np.full(4, 25.0), np.zeros(1000)])
    assert sign_flip_p(effects) == pytest.approx(0.125, abs=0.015)


def test_networks_without_a_difference_have_p_1() -> None:
    assert sign_flip_p(np.zeros(50)) == 1.0


def test_the_test_keeps_its_level_on_an_imbalanced_test_set() -> None:
    rng = np.random.default_rng(0)
    label = np.repeat([0, 1, 2], [200, 60, 12])
    rejected = 0
    for _ in range(300):
        difficulty = rng.random(272)
        a, b = (np.where(rng.random(272) < difficulty, label, (label + 1) % 3) for _ in range(2))
        pooled = score_classes(label, a, 3).pooled_with(score_classes(label, b, 3))
        effects = balanced_influence(label, a, pooled) - balanced_influence(label, b, pooled)
        rejected += sign_flip_p(effects) < 0.05
    assert rejected < 29  # 15 are expected; more than 28 once in 2,000


def test_equal_weights_give_the_interval_of_bonett_and_price() -> None:
    differences = np.repeat([1.0, -1.0, 0.0], [12, 3, 185])
    found = difference_over_images(differences, 1.0).interval(0.05)
    assert found == pytest.approx(PairedShares(12, 3, 200).interval(0.05), rel=1e-3)


def test_the_interval_is_wide_for_a_small_class_without_differences() -> None:
    low, high = difference_over_images(np.zeros(1000), 50.0).interval(0.05)
    assert low < -0.09
    assert high > 0.09


def test_the_power_is_that_of_statsmodels() -> None:
    expected = NormalIndPower().power(0.1 / 0.6, nobs1=150, alpha=0.02, ratio=0)
    assert power_over_images(0.36, 150)(0.1, 0.02, None, None) == pytest.approx(expected)
    assert power_over_images(0.36, 15)(0.1, 0.02, None, 150) == pytest.approx(expected)
