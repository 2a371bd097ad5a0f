"""Scores of classes and their means against scikit-learn; influences against a bootstrap."""

import warnings
from collections.abc import Callable

import numpy as np
import pytest
from sklearn.metrics import (
    balanced_accuracy_score,
    f1_score,
    precision_recall_fscore_support,
)

from cnncompare.stats.class_scores import (
    ClassScores,
    Floats,
    Integers,
    balanced_influence,
    effective_images,
    f1_influence,
    score_classes,
)

Influence = Callable[[Integers, Integers, ClassScores], Floats]
SHARES = np.array([0.6, 0.25, 0.1, 0.05])


def draw(seed: int, n: int = 400, classes: int = 4) -> tuple[Integers, Integers]:
    """Return labels of an imbalanced test set and predictions that favour its large classes."""
    rng = np.random.default_rng(seed)
    label = rng.choice(4, size=n, p=SHARES)
    guess = rng.choice(4, size=n, p=SHARES)
    return label, np.where(rng.random(n) < 0.7, label, guess)


@pytest.mark.parametrize("seed", range(5))
def test_scores_equal_those_of_scikit_learn(seed: int) -> None:
    label, predicted = draw(seed)
    scores = score_classes(label, predicted, 4)
    precision, recall, f1, n = precision_recall_fscore_support(label, predicted, zero_division=0)
    np.testing.assert_allclose(scores.precision, precision)
    np.testing.assert_allclose(scores.recall, recall)
    np.testing.assert_allclose(scores.f1, f1)
    np.testing.assert_array_equal(scores.n, n)
    assert scores.balanced_accuracy == pytest.approx(balanced_accuracy_score(label, predicted))
    assert scores.macro_f1 == pytest.approx(f1_score(label, predicted, average="macro"))
    assert scores.balanced_accuracy != pytest.approx((label == predicted).mean(), abs=0.01)


def test_classes_without_images_or_predictions_count_as_in_scikit_learn() -> None:
    label = np.array([0, 0, 1, 1, 2, 2])
    predicted = np.array([0, 0, 1, 3, 1, 1])  # 2 is never predicted, 3 has no image, 4 neither
    scores = score_classes(label, predicted, 5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a class without images
        expected = balanced_accuracy_score(label, predicted)
    assert scores.balanced_accuracy == pytest.approx(expected) == pytest.approx(1.5 / 3)
    expected = f1_score(label, predicted, average="macro", zero_division=0)
    assert scores.macro_f1 == pytest.approx(expected) == pytest.approx((1 + 0.4 + 0 + 0) / 4)
    np.testing.assert_array_equal(np.isnan(scores.recall), [0, 0, 0, 1, 1])
    np.testing.assert_array_equal(np.isnan(scores.precision), [0, 0, 1, 0, 1])
    np.testing.assert_array_equal(np.isnan(scores.f1), [0, 0, 0, 0, 1])


def test_an_image_that_could_not_be_decoded_counts_as_wrong() -> None:
    scores = score_classes(np.array([0, 0, 1]), np.array([0, -1, 1]), 2)
    np.testing.assert_array_equal(scores.recall, [0.5, 1])
    np.testing.assert_array_equal(scores.precision, [1, 1])


@pytest.mark.parametrize(
    ("influence", "metric"),
    [
        (balanced_influence, balanced_accuracy_score),
        (f1_influence, lambda y, z: f1_score(y, z, average="macro")),
    ],
)
def test_the_influences_have_the_variance_of_a_bootstrap_of_scikit_learns_metric(
    influence: Influence, metric: Callable[[Integers, Integers], float]
) -> None:
    label, predicted = draw(7, n=1000)
    values = influence(label, predicted, score_classes(label, predicted))
    assert values.mean() == pytest.approx(0, abs=1e-12)
    rng = np.random.default_rng(0)
    resampled = [
        metric(label[rows], predicted[rows])
        for rows in (rng.integers(1000, size=1000) for _ in range(600))
    ]
    assert values.std() / np.sqrt(1000) == pytest.approx(np.std(resampled), rel=0.1)


@pytest.mark.parametrize(
    ("influence", "mean"), [(balanced_influence, "balanced_accuracy"), (f1_influence, "macro_f1")]
)
def test_the_pooled_influences_give_the_difference_of_two_networks(
    influence: Influence, mean: str
) -> None:
    """Exactly for the balanced accuracy, which is linear; to first order for macro-F1."""
    label, a = draw(1, n=2000)
    b = np.where(np.random.default_rng(9).random(2000) < 0.05, 0, a)
    scores = [score_classes(label, predicted, 4) for predicted in (a, b)]
    pooled = scores[0].pooled_with(scores[1])
    gap = influence(label, a, pooled).mean() - influence(label, b, pooled).mean()
    expected = getattr(scores[0], mean) - getattr(scores[1], mean)
    assert gap == pytest.approx(expected, rel=1e-9 if mean == "balanced_accuracy" else 0.01)


def test_a_balanced_test_set_is_as_informative_as_it_is_large() -> None:
    assert effective_images(np.repeat([0, 2, 5], 20)) == pytest.approx(60)
    assert effective_images(np.repeat([0, 1], [900, 100])) == pytest.approx(360)
