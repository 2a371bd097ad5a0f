"""The health checks against hand calculations and scipy's exact binomial test."""

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
from scipy.stats import binomtest
from statsmodels.stats.proportion import proportion_confint

from cnncompare.training.health import TrainingFacts, check_health

SOUND = TrainingFacts(
    first_loss=2.3,
    n_train=1280,
    n_val=200,
    largest_val_class=20,
    batch_size=128,
    steps=200,
    own_lr=0.01,
)


def rows(accuracies: Sequence[float], loss: float = 0.5) -> list[dict[str, float | None]]:
    return [{"val_acc1": accuracy, "train_loss": loss} for accuracy in accuracies]


def checks(
    accuracies: Sequence[float], facts: TrainingFacts = SOUND, loss: float = 0.5
) -> set[str]:
    return {finding.check for finding in check_health(rows(accuracies, loss), facts)}


def test_a_sound_training_has_no_findings() -> None:
    assert check_health(rows([0.5, 0.8, 0.9, 0.89]), SOUND) == []


@pytest.mark.parametrize(("loss", "found"), [(22.9, False), (23.1, True), (1e30, True)])
def test_a_loss_above_ten_times_the_first_one_has_diverged(loss: float, found: bool) -> None:
    assert ("diverged" in checks([0.5, 0.8, 0.7], loss=loss)) == found


def test_the_advice_names_the_model_s_own_learning_rate() -> None:
    (finding,) = check_health(rows([0.5, 0.8, 0.7], 1e9), SOUND)
    assert "optimizer.lr=0.01" in finding.advice
    assert "from 2.3 at the first step to 1e+09" in finding.evidence


def test_without_a_first_loss_divergence_is_not_judged() -> None:
    assert "diverged" not in checks([0.5, 0.8, 0.7], replace(SOUND, first_loss=None), 1e9)


@pytest.mark.parametrize("correct", range(20, 45))
@pytest.mark.parametrize("largest", [20, 34])
def test_chance_is_the_exact_one_sided_binomial_test(correct: int, largest: int) -> None:
    facts = replace(SOUND, largest_val_class=largest)
    p = binomtest(correct, 200, largest / 200, alternative="greater").pvalue
    assert ("at_chance" in checks([correct / 200, 0.01], facts)) == (p > 0.01)


@pytest.mark.parametrize(("correct", "found"), [(6, False), (4, False), (3, True), (1, True)])
def test_with_too_few_images_for_the_test_any_excess_counts(correct: int, found: bool) -> None:
    """Of 6 images in two classes, even 6 correct ones have p = 1/64."""
    facts = replace(SOUND, n_val=6, largest_val_class=3)
    assert binomtest(6, 6, 0.5, alternative="greater").pvalue > 0.01
    assert ("at_chance" in checks([correct / 6, 0.01], facts)) == found


@pytest.mark.parametrize("balanced", [0.5, 0.55, 0.6, 0.7, 0.9])
def test_a_balanced_training_is_judged_by_its_balanced_accuracy(balanced: float) -> None:
    """Its accuracy of 80 % is below the 95 % of the largest class; the images count as 38."""
    facts = replace(SOUND, largest_val_class=190, balanced_classes=[190, 0, 10])
    found = [row | {"val_balanced_acc1": balanced} for row in rows([0.8, 0.7])]
    p = binomtest(round(balanced * 38), 38, 0.5, alternative="greater").pvalue
    names = {finding.check for finding in check_health(found, facts)}
    assert ("at_chance" in names) == (p > 0.01)
    assert "at_chance" in checks([0.8, 0.7], replace(SOUND, largest_val_class=190))


@pytest.mark.parametrize("gain", [0.01, 0.03, 0.05, 0.08, 0.2])
def test_still_rising_compares_the_gain_with_the_interval_of_statsmodels(gain: float) -> None:
    accuracies = [0.5] * 18 + [0.7, 0.7 + gain]  # a tenth of 20 epochs are two
    correct = round(accuracies[-1] * 200)
    low, high = proportion_confint(correct, 200, method="wilson")
    expected = accuracies[-1] - 0.5 > (high - low) / 2
    assert ("still_rising" in checks(accuracies)) == expected


def test_a_gain_within_the_interval_does_not_rise() -> None:
    assert "still_rising" not in checks([0.5] * 18 + [0.51, 0.52])
    assert "still_rising" in checks([0.5] * 18 + [0.6, 0.7])


def test_a_best_epoch_before_the_last_does_not_rise() -> None:
    assert "still_rising" not in checks([0.1, 0.3, 0.6, 0.9, 0.89])
    assert "still_rising" in checks([0.1, 0.3, 0.6, 0.7, 0.89])


def test_one_epoch_alone_does_not_rise() -> None:
    assert "still_rising" not in checks([0.9])


@pytest.mark.parametrize(("steps", "found"), [(99, True), (100, False)])
def test_fewer_than_a_hundred_steps_are_few(steps: int, found: bool) -> None:
    assert ("few_steps" in checks([0.5, 0.8, 0.7], replace(SOUND, steps=steps))) == found


@pytest.mark.parametrize(
    ("n_train", "batch_size", "found"),
    [
        (216, 128, True),
        (1280, 128, False),
        (1407, 128, False),
        (140, 128, False),
        (142, 128, False),
    ],
)
def test_images_left_out_are_those_of_the_incomplete_batch(
    n_train: int, batch_size: int, found: bool
) -> None:
    """216 photos leave 88 out, 41 %; 1407 leave 127 out, 9 %; 140 and 142 leave 9 and 10 %."""
    facts = replace(SOUND, n_train=n_train, batch_size=batch_size)
    left_out = n_train - batch_size * math.floor(n_train / batch_size)
    assert found == (left_out > 0.1 * n_train)
    assert ("images_left_out" in checks([0.5, 0.8, 0.7], facts)) == found


@pytest.mark.parametrize(
    ("accuracies", "found"),
    [
        ([0.9, 1.0, 1.0, 1.0], True),
        ([0.9, 1.0, 1.0, 0.99], False),
        ([0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.96, 1.0, 1.0, 1.0], False),
    ],
)
def test_saturation_is_a_perfect_accuracy_in_half_of_the_epochs(
    accuracies: list[float], found: bool
) -> None:
    assert ("saturated" in checks(accuracies)) == found
