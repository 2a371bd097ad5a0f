"""Comparison with a reference result, against hand calculations and statsmodels."""

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from cnncompare.runs import record
from cnncompare.runs.reference_section import DeviationEffectSection, ReferenceResultSection
from cnncompare.training.reference_check import (
    check_against_reference,
    class_order_effect,
    is_full_validation_set,
)

RESNET18 = ReferenceResultSection(acc1=0.69758, acc5=0.89078, source="torchvision")


def measured(acc1: float, acc5: float = 0.89078, n: int = 50_000) -> record.TestSection:
    return record.TestSection(acc1=acc1, acc5=acc5, n=n)


@pytest.mark.parametrize(
    ("acc1", "acc5", "verdict"),
    [
        (0.69758, 0.89078, "pass"),
        (0.69858, 0.89078, "pass"),  # 0.1 points above
        (0.69658, 0.89078, "pass"),  # and below
        (0.69860, 0.89078, "differs"),
        (0.69758, 0.88970, "differs"),  # top-5 alone
        (0.63640, 0.85000, "differs"),  # with the wrong normalisation
    ],
)
def test_on_the_full_set_a_tenth_of_a_point_passes(acc1: float, acc5: float, verdict: str) -> None:
    found = check_against_reference(measured(acc1, acc5), RESNET18, is_full=True, deviations=[])
    assert found.verdict == verdict
    assert found.difference1 == pytest.approx(acc1 - 0.69758)
    assert found.message.startswith("PASS") == (verdict == "pass")


@pytest.mark.parametrize(("right", "position"), [(350, "within"), (442, "outside")])
def test_on_a_subset_the_interval_replaces_the_verdict(right: int, position: str) -> None:
    found = check_against_reference(
        measured(right / 500, n=500), RESNET18, is_full=False, deviations=[]
    )
    low, high = proportion_confint(right, 500, method="wilson")
    assert (found.low1, found.high1) == (pytest.approx(low), pytest.approx(high))
    assert found.verdict == "subset"
    assert f"is {position} the 95 % interval {100 * low:.2f} to {100 * high:.2f} %" in found.message
    assert "PASS" not in found.message


def test_the_message_names_a_deviation_and_its_effect() -> None:
    effect = DeviationEffectSection(cause="normalisation", n=500, acc1=0.776, acc1_without=0.884)
    deviations = ["normalisation: mean 0.485 instead of the weights' mean 0.5"]
    found = check_against_reference(
        measured(0.6364), RESNET18, is_full=True, deviations=deviations, effects=[effect]
    )
    assert deviations[0] in found.message
    assert (
        "without the deviation in normalisation, 88.40 % instead of 77.60 % on 500" in found.message
    )


def test_the_message_names_other_causes_if_there_is_no_deviation() -> None:
    found = check_against_reference(measured(0.4), RESNET18, is_full=True, deviations=[])
    assert "class order" in found.message


def test_weights_without_a_reference_result_have_no_verdict() -> None:
    found = check_against_reference(
        measured(0.7), None, is_full=True, deviations=["crop: 224 instead of 299"]
    )
    assert found.verdict == "unknown"
    assert found.difference1 is None
    assert "crop: 224 instead of 299" in found.message  # a deviation is reported all the same


def test_classes_in_another_order_are_recognised() -> None:
    rng = np.random.default_rng(0)
    label = np.repeat(np.arange(50), 20)
    predictions = np.where(rng.random(1000) < 0.8, label, rng.integers(0, 50, 1000))
    renamed = rng.permutation(50)
    found = class_order_effect(label, renamed[predictions], 50)
    assert found is not None
    assert found.acc1_without == pytest.approx((predictions == label).mean(), abs=0.05)
    assert class_order_effect(label, predictions, 50) is None  # right
    assert class_order_effect(label, rng.integers(0, 50, 1000), 50) is None  # random weights
    assert class_order_effect(label, np.zeros(1000, int), 50) is None  # one class for all
    assert class_order_effect(label[::4], renamed[predictions][::4], 50) is None  # too few images


def test_the_full_set_has_fifty_images_of_each_class() -> None:
    labels = np.repeat(np.arange(1000), 50)
    assert is_full_validation_set(labels, 1000, from_training=False)
    assert not is_full_validation_set(labels, 1000, from_training=True)
    assert not is_full_validation_set(labels[:-1], 1000, from_training=False)
    assert not is_full_validation_set(np.where(labels == 3, 4, labels), 1000, from_training=False)
