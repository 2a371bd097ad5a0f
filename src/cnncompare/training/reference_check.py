"""Comparison of a measured accuracy with the reference result of the pretrained weights."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cnncompare.runs.record import TestSection
from cnncompare.runs.reference_section import (
    DeviationEffectSection,
    ReferenceCheckSection,
    ReferenceResultSection,
)
from cnncompare.stats.intervals import wilson

VALIDATION_IMAGES = 50_000  # of ImageNet, 50 per class
TOLERANCE = 0.001  # 0.1 points, 50 images; decoders and processors differ by a few


def check_against_reference(
    test: TestSection,
    reference: ReferenceResultSection | None,
    *,
    is_full: bool,
    deviations: Sequence[str],
    effects: Sequence[DeviationEffectSection] = (),
) -> ReferenceCheckSection:
    """Return the verdict: pass if top-1 and top-5 differ by at most 0.1 points on the full set.

    On a subset, the 95 % interval (Wilson) of the measured top-1 replaces the verdict.
    `deviations` are those from the preprocessing with which the reference was measured.
    """
    assert test.acc1 is not None
    assert test.n
    interval = wilson(test.acc1 * test.n, test.n)
    check = ReferenceCheckSection(
        verdict="unknown",
        message="no reference result is known for these weights",
        low1=interval.low,
        high1=interval.high,
        deviation_effects=list(effects),
    )
    if reference is not None:
        check = _compared(check, test, reference, is_full)
    reasons = [*deviations, *(_effect_sentence(effect) for effect in effects)]
    if not reasons and check.verdict == "differs":
        reasons = [
            "preprocessing matches the weights: check the class order, the precision, and whether "
            "the file contains the original weights"
        ]
    return check.model_copy(update={"message": "; ".join([check.message, *reasons])})


def _compared(
    check: ReferenceCheckSection,
    test: TestSection,
    reference: ReferenceResultSection,
    is_full: bool,
) -> ReferenceCheckSection:
    assert test.acc1 is not None
    assert test.acc5 is not None
    differences = test.acc1 - reference.acc1, test.acc5 - reference.acc5
    accuracies = (
        f"top-1 {_percent(test.acc1)}, reference {_percent(reference.acc1)}; "
        f"top-5 {_percent(test.acc5)}, reference {_percent(reference.acc5)}"
    )
    if not is_full:
        verdict, message = "subset", _subset_message(check, reference, test.n or 0)
    elif max(map(abs, differences)) <= TOLERANCE + 1e-9:
        verdict, message = "pass", f"PASS: {accuracies}"
    else:
        verdict, message = "differs", f"differs: {accuracies}"
    return check.model_copy(
        update={
            "verdict": verdict,
            "message": message,
            "difference1": differences[0],
            "difference5": differences[1],
        }
    )


def class_order_effect(
    label: NDArray[np.int64], top1: NDArray[np.int64], n_classes: int
) -> DeviationEffectSection | None:
    """Return the accuracy after mapping each predicted class to the label it most often meets.

    label, top1 int64 [N]. One half of the images determines the mapping, the other half the
    accuracy. None if the mapping does not raise the accuracy considerably, or with fewer than
    10 images per class.
    """
    present = np.unique(label)
    if len(label) < 10 * len(present):
        return None
    order = np.argsort(label, kind="stable")
    fitted, judged = order[::2], order[1::2]
    votes = np.zeros((n_classes, n_classes), np.int64)
    np.add.at(votes, (np.maximum(top1[fitted], 0), label[fitted]), 1)
    mapping = votes.argmax(axis=1)  # from a predicted class to its most frequent label
    as_run = float((top1[judged] == label[judged]).mean())
    mapped = float((mapping[top1[judged]] == label[judged]).mean())
    if mapped < max(3 * as_run, 10 / len(present)):
        return None
    return DeviationEffectSection(
        cause="class order", n=len(judged), acc1=as_run, acc1_without=mapped
    )


def is_full_validation_set(labels: NDArray[np.int64], n_classes: int, from_training: bool) -> bool:
    """Return whether the labels are those of ImageNet's 50,000 validation images."""
    counts = np.bincount(labels, minlength=n_classes)
    return len(labels) == VALIDATION_IMAGES and bool((counts == 50).all()) and not from_training


def _subset_message(check: ReferenceCheckSection, reference: ReferenceResultSection, n: int) -> str:
    assert check.low1 is not None
    assert check.high1 is not None
    is_within = check.low1 <= reference.acc1 <= check.high1
    return (
        f"reference top-1 {_percent(reference.acc1)} is {'within' if is_within else 'outside'} "
        f"the 95 % interval {100 * check.low1:.2f} to {100 * check.high1:.2f} % of these {n:,} "
        "images"
    )


def _effect_sentence(effect: DeviationEffectSection) -> str:
    return (
        f"without the deviation in {effect.cause}, {_percent(effect.acc1_without)} instead of "
        f"{_percent(effect.acc1)} on {effect.n:,} of the images"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"
