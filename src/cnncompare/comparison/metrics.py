"""Metrics by which models can be ranked."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cnncompare.comparison.load import Outcome, Result
from cnncompare.errors import ConfigError, closest
from cnncompare.stats.calibration import expected_calibration_error


@dataclass(frozen=True)
class Metric:
    """A metric of a run and, if that is a mean over test images, its value for each image."""

    name: str
    title: str
    higher_is_better: bool
    per_run: Callable[[Result], float | None]
    per_image: Callable[[Outcome], NDArray[np.bool_]] | None
    percent: bool = True  # displayed in percent, and differences in percentage points


def _ece(result: Result) -> float | None:
    outcome = result.outcome
    if outcome is None:
        return None
    return expected_calibration_error(outcome.correct1, outcome.confidence)


METRICS = {
    "top1": Metric("top1", "test top-1", True, lambda r: r.record.test.acc1, lambda o: o.correct1),
    "top5": Metric("top5", "test top-5", True, lambda r: r.record.test.acc5, lambda o: o.correct5),
    "nll": Metric("nll", "test loss", False, lambda r: r.record.test.loss, None, percent=False),
    "ece": Metric("ece", "calibration error (ECE)", False, _ece, None),
}


def metric_named(name: str) -> Metric:
    """Return the metric called `name`, or by a synonym; raises ConfigError for an unknown name."""
    canonical = {"acc1": "top1", "acc5": "top5", "loss": "nll"}.get(name, name)
    if canonical not in METRICS:
        raise ConfigError(
            f"unknown metric {name!r}{closest(name, METRICS)} (metrics: {', '.join(METRICS)})"
        )
    return METRICS[canonical]
