"""The check: measured accuracies beside those that the authors of the weights published."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cnncompare.runs.record import (
    DeviationEffectSection,
    ReferenceCheckSection,
    ReferenceResultSection,
    TestSection,
)
from cnncompare.stats.intervals import wilson

FULL = 50_000  # images of ImageNet's validation set, 50 of each class
TOLERANCE = 0.001  # 0.1 points: 50 images; decoders and processors differ by a few


def check(
    test: TestSection,
    published: ReferenceResultSection | None,
    full: bool,
    deviations: Sequence[str],
    deviation_effects: Sequence[DeviationEffectSection] = (),
) -> ReferenceCheckSection:
    """Return the verdict: pass within 0.1 points, top-1 and top-5, on the `full` set.

    On part of it, the 95 % interval (Wilson) stands in place of a verdict. `deviations` are from
    the transform that the published numbers rest on.
    """
    assert test.acc1 is not None
    assert test.acc5 is not None
    assert test.n
    interval = wilson(test.acc1 * test.n, test.n)
    found = ReferenceCheckSection(
        verdict="unknown",
        message="no published accuracy is known for these weights",
        low1=interval.low,
        high1=interval.high,
        deviation_effects=list(deviation_effects),
    )
    reasons = [*deviations, *(_said(cause) for cause in deviation_effects)]
    if published is None:
        found.message = "; ".join([found.message, *reasons])
        return found
    found.difference1 = test.acc1 - published.acc1
    found.difference5 = test.acc5 - published.acc5
    if not full:
        found.verdict, found.message = "subset", _on_a_subset(found, published, test.n)
    elif max(abs(found.difference1), abs(found.difference5)) <= TOLERANCE + 1e-9:
        found.verdict, found.message = "pass", f"PASS: {_beside(test.acc1, test.acc5, published)}"
    else:
        found.verdict = "differs"
        found.message = f"differs: {_beside(test.acc1, test.acc5, published)}"
    if reasons:
        found.message = "; ".join([found.message, *reasons])
    elif found.verdict == "differs":
        found.message += (
            "; the transform is the weights' own: look at the class order, the precision, and "
            "whether the file of weights is the published one"
        )
    return found


def class_order(
    label: NDArray[np.int64], top1: NDArray[np.int64], n_classes: int
) -> DeviationEffectSection | None:
    """Return what the accuracy would be if each answer stood for the class it mostly goes with.

    label, top1 int64 [N]. The names come from every other image, the accuracy from the rest. None
    where the network is not wrong in a way that is always the same, or with fewer than 10 images
    a class.
    """
    present = np.unique(label)
    if len(label) < 10 * len(present):
        return None
    order = np.argsort(label, kind="stable")
    named, judged = order[::2], order[1::2]
    votes = np.zeros((n_classes, n_classes), np.int64)
    np.add.at(votes, (np.maximum(top1[named], 0), label[named]), 1)
    name = votes.argmax(axis=1)  # what each answer mostly stands for
    as_run = float((top1[judged] == label[judged]).mean())
    renamed = float((name[top1[judged]] == label[judged]).mean())
    if renamed < max(3 * as_run, 10 / len(present)):
        return None
    return DeviationEffectSection(
        cause="class order", n=len(judged), acc1=as_run, acc1_without=renamed
    )


def is_full(labels: NDArray[np.int64], n_classes: int, from_training: bool) -> bool:
    """Return whether these are the 50,000 validation images: 50 of each of 1,000 classes."""
    counts = np.bincount(labels, minlength=n_classes)
    return len(labels) == FULL and bool((counts == 50).all()) and not from_training


def _on_a_subset(found: ReferenceCheckSection, published: ReferenceResultSection, n: int) -> str:
    assert found.low1 is not None
    assert found.high1 is not None
    within = found.low1 <= published.acc1 <= found.high1
    where = "within" if within else "outside"
    return (
        f"published top-1 {_percent(published.acc1)} lies {where} the 95 % interval "
        f"{100 * found.low1:.2f} to {100 * found.high1:.2f} % of these {n:,} images"
    )


def _beside(acc1: float, acc5: float, published: ReferenceResultSection) -> str:
    return (
        f"top-1 {_percent(acc1)}, published {_percent(published.acc1)}; "
        f"top-5 {_percent(acc5)}, published {_percent(published.acc5)}"
    )


def _said(cause: DeviationEffectSection) -> str:
    return (
        f"without that {cause.cause}, {_percent(cause.acc1_without)} instead of "
        f"{_percent(cause.acc1)} on {cause.n:,} of the images"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"
