"""Metrics by which models can be ranked."""

from collections.abc import Callable
from dataclasses import dataclass

from cnncompare.comparison.image_scores import (
    ImageScores,
    balanced_effects,
    balanced_scores,
    class_scores,
    f1_effects,
    f1_scores,
)
from cnncompare.comparison.load import Result
from cnncompare.comparison.outcome import Outcome
from cnncompare.errors import ConfigError, closest
from cnncompare.language.catalogue import marked
from cnncompare.stats.calibration import expected_calibration_error
from cnncompare.stats.class_scores import Floats


@dataclass(frozen=True)
class Metric:
    """A metric of a run and, if that is a mean over test images, the score of each image.

    The scores are bool if the metric is a share of the images. Otherwise `effects` gives each
    image's contribution to the difference of two networks.
    """

    name: str
    title: str
    higher_is_better: bool
    per_run: Callable[[Result], float | None]
    per_image: Callable[[Outcome], ImageScores] | None
    percent: bool = True  # displayed in percent, and differences in percentage points
    effects: Callable[[Outcome, Outcome], Floats] | None = None


def _ece(result: Result) -> float | None:
    outcome = result.outcome
    if outcome is None:
        return None
    return expected_calibration_error(outcome.correct1, outcome.confidence)


def _balanced(result: Result) -> float | None:
    """Return the balanced accuracy, computed from the predictions for records that lack it."""
    if result.outcome is None:
        return result.record.test.balanced_acc1
    return class_scores(result.outcome).balanced_accuracy


def _f1(result: Result) -> float | None:
    """Return the macro-F1, computed from the predictions for records that lack it."""
    if result.outcome is None:
        return result.record.test.macro_f1
    return class_scores(result.outcome).macro_f1


METRICS = {
    "top1": Metric(
        "top1", marked("test top-1"), True, lambda r: r.record.test.acc1, lambda o: o.correct1
    ),
    "balanced": Metric(
        *("balanced", marked("test balanced accuracy"), True, _balanced, balanced_scores),
        effects=balanced_effects,
    ),
    "f1": Metric("f1", marked("test macro-F1"), True, _f1, f1_scores, effects=f1_effects),
    "top5": Metric(
        "top5", marked("test top-5"), True, lambda r: r.record.test.acc5, lambda o: o.correct5
    ),
    "nll": Metric(
        "nll", marked("test loss"), False, lambda r: r.record.test.loss, None, percent=False
    ),
    "ece": Metric("ece", marked("calibration error (ECE)"), False, _ece, None),
}
SYNONYMS = {
    "acc1": "top1",
    "acc5": "top5",
    "loss": "nll",
    "balanced_acc1": "balanced",
    "macro_f1": "f1",
}
OPTIONS = ("acc1", "balanced", "f1", "top5", "nll", "ece")
"""The names that the documentation uses."""


def metric_named(name: str) -> Metric:
    """Return the metric called `name`, or by a synonym; raises ConfigError for an unknown name."""
    canonical = SYNONYMS.get(name, name)
    if canonical not in METRICS:
        raise ConfigError(
            f"unknown metric {name!r}{closest(name, [*OPTIONS, *METRICS, *SYNONYMS])} "
            f"(metrics: {', '.join(OPTIONS)})"
        )
    return METRICS[canonical]
