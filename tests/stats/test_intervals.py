import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from cnncompare.stats.class_scores import balanced_influence, effective_images, score_classes
from cnncompare.stats.intervals import PairedShares, t_over_seeds, wilson, wilson_of_scores
from cnncompare.stats.score_interval import score_interval
from cnncompare.stats.two_samples import sample_of
from tests.comparison.factory import simulate


@pytest.mark.parametrize(("correct", "n"), [(0, 10), (10, 10), (7, 10), (9312, 10_000), (1, 1)])
def test_wilson_agrees_with_statsmodels(correct: int, n: int) -> None:
    found = wilson(correct, n)
    assert (found.low, found.high) == pytest.approx(
        proportion_confint(correct, n, method="wilson"), abs=1e-12
    )


def test_bonett_price_agrees_with_the_formula_of_the_paper() -> None:
    """Formula 5, by hand: wins 59, losses 6 of 100."""
    up, down = 60 / 102, 7 / 102
    half = 1.959964 * ((up + down - (up - down) ** 2) / 102) ** 0.5
    assert PairedShares(59, 6, 100).interval(0.05) == pytest.approx(
        (up - down - half, up - down + half)
    )


def test_t_over_seeds_agrees_with_scipy() -> None:
    values = [0.91, 0.93, 0.925, 0.9]
    found = t_over_seeds(values)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_equal_accuracies_have_the_spread_of_rounding_to_one_image() -> None:
    found = t_over_seeds([0.99, 0.99], images=100)
    half = stats.t.ppf(0.975, 1) * 0.01 / 12**0.5 / 2**0.5
    assert found.low == pytest.approx(0.99 - half)
    assert found.high == 1.0  # no accuracy is above 1


def test_one_seed_has_no_interval_over_seeds() -> None:
    assert t_over_seeds([0.9]).low is None


def test_the_score_interval_of_one_run_is_wilsons() -> None:
    row = np.random.default_rng(0).random((1, 2000)) < 0.97
    found = score_interval(sample_of(row))
    expected = wilson(float(row.sum()), row.size)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_the_score_interval_of_equal_seeds_has_wilsons_width() -> None:
    """If all seeds predict the same, only the images vary."""
    row = np.random.default_rng(0).random(2000) < 0.9
    both = score_interval(sample_of(np.array([row] * 6)))
    one = wilson(float(row.sum()), row.size)
    assert both.high - both.low == pytest.approx(one.high - one.low, rel=0.01)


def test_the_score_interval_of_seeds_that_dominate_is_students_t() -> None:
    """On many images the interval is about t's; the score form shifts its centre slightly."""
    rng = np.random.default_rng(1)
    levels = [0.51, 0.5, 0.49, 0.502]
    right = rng.random((4, 400_000)) < np.array(levels)[:, None]
    both = score_interval(sample_of(right))
    seeds = t_over_seeds([float(row.mean()) for row in right])
    assert (both.low, both.high) == pytest.approx((seeds.low, seeds.high), abs=3e-4)


def test_the_score_interval_is_wider_than_the_one_over_seeds() -> None:
    right = simulate(np.random.default_rng(0), {"m": 0.9}, seeds=5, n=400, seed_sd=0.2)["m"]
    both = score_interval(sample_of(right))
    seeds = t_over_seeds([float(row.mean()) for row in right])
    assert both.high - both.low > seeds.high - seeds.low


def test_an_accuracy_of_1_has_a_wilson_interval() -> None:
    found = score_interval(sample_of(np.ones((3, 100), bool)))
    assert (found.low, found.high) == pytest.approx(
        proportion_confint(100, 100, method="wilson"), abs=1e-9
    )


def _imbalanced(rng: np.random.Generator, n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    label = rng.choice(3, size=n, p=[0.8, 0.15, 0.05])
    right = rng.random(n) < np.array([0.95, 0.8, 0.6])[label]
    return label, np.where(right, label, (label + 1) % 3)


def test_scores_of_balanced_classes_have_wilsons_interval() -> None:
    label = np.repeat([0, 1], 100)
    predicted = label.copy()
    predicted[[0, 1, 2, 150]] = 1 - label[[0, 1, 2, 150]]
    scores = 0.98 + balanced_influence(label, predicted, score_classes(label, predicted))
    found, expected = wilson_of_scores(scores, effective_images(label)), wilson(196, 200)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_an_interval_of_scores_covers_the_true_balanced_accuracy() -> None:
    rng, covered = np.random.default_rng(0), 0
    for _ in range(400):
        label, predicted = _imbalanced(rng, 500)
        found = score_classes(label, predicted)
        scores = found.balanced_accuracy + balanced_influence(label, predicted, found)
        interval = wilson_of_scores(scores, effective_images(label))
        covered += interval.low <= (0.95 + 0.8 + 0.6) / 3 <= interval.high
    assert 365 <= covered <= 396  # 380 are expected


def test_without_errors_the_interval_is_that_of_the_effective_number_of_images() -> None:
    label = np.repeat([0, 1], [900, 100])
    found = wilson_of_scores(np.ones(1000), effective_images(label))
    assert (found.low, found.high) == pytest.approx((wilson(360, 360).low, 1.0))
