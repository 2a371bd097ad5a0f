"""The measures by which trials are judged, as metrics of the comparison; imports no torch."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from cnncompare.comparison.load import Result
from cnncompare.comparison.metrics import METRICS, Metric
from cnncompare.config.trial import MEASURES, RATIOS
from cnncompare.errors import ConfigError, closest

ERROR = 0.25  # share of the training images; Krizhevsky et al. 2012, figure 1


@dataclass(frozen=True)
class TrialMeasure:
    """A metric with what its differences mean; the values of ratios are logarithms."""

    name: str
    metric: Metric
    title: str  # in a sentence
    is_ratio: bool

    def shown(self, value: float) -> float:
        """Return a value of the metric in the unit that is shown."""
        return math.exp(value) if self.is_ratio else 100 * value

    def threshold(self, shown: float) -> float:
        """Return a margin or an effect, in points or as a factor, in the unit of the metric."""
        return math.log(shown) if self.is_ratio else shown / 100


def epochs_to_error(result: Result) -> float | None:
    """Return the epochs after which the training error is 25 %, interpolated between epochs.

    A run that never reaches it counts with its whole length, which is less than it needs.
    """
    shares = [row.get("train_acc1") for row in result.epochs]
    errors = [1 - share for share in shares if share is not None]
    if not errors:
        return None
    before = 1.0  # of a network that has not seen an image
    for number, error in enumerate(errors):
        if error <= ERROR:
            return number + (before - ERROR) / (before - error)
        before = error
    return float(len(errors))


def reached_error(result: Result) -> bool:
    """Return whether the training error fell to 25 %."""
    return any((row.get("train_acc1") or 0) >= 1 - ERROR for row in result.epochs)


def _log_epochs(result: Result) -> float | None:
    epochs = epochs_to_error(result)
    return None if epochs is None else math.log(max(epochs, 1e-3))


def _train_accuracy(result: Result) -> float | None:
    return result.epochs[-1].get("train_acc1") if result.epochs else None


def _log_accuracy_per_gmac(result: Result) -> float | None:
    accuracy, macs = result.record.test.acc1, result.model.macs
    return math.log(accuracy / (macs / 1e9)) if accuracy and macs else None


def _gap(result: Result) -> float | None:
    from cnncompare.trial.trained_measures import training_accuracy

    accuracy = result.record.test.acc1
    return None if accuracy is None else training_accuracy(result.run.folder) - accuracy


def _dead(result: Result) -> float | None:
    from cnncompare.trial.trained_measures import dead_share_of_first_layer

    return dead_share_of_first_layer(result.run.folder)


def _metric(title: str, higher: bool, per_run: Callable[[Result], float | None]) -> Metric:
    return Metric(title, title, higher, per_run, None)


_ALL = {
    "acc1": TrialMeasure("acc1", METRICS["top1"], "test accuracy", is_ratio=False),
    "train_acc1": TrialMeasure(
        "train_acc1",
        _metric("training top-1 of the last epoch", True, _train_accuracy),
        "training accuracy",
        is_ratio=False,
    ),
    "epochs_to_25": TrialMeasure(
        "epochs_to_25",
        replace(_metric("epochs to 25 % training error", False, _log_epochs), percent=False),
        "epochs to 25 % training error",
        is_ratio=True,
    ),
    "acc1_per_gmac": TrialMeasure(
        "acc1_per_gmac",
        replace(_metric("test accuracy per GMAC", True, _log_accuracy_per_gmac), percent=False),
        "test accuracy per GMAC",
        is_ratio=True,
    ),
    "train_test_gap": TrialMeasure(
        "train_test_gap",
        _metric("accuracy drop from training to test images", False, _gap),
        "accuracy drop from training to test images",
        is_ratio=False,
    ),
    "dead_filters": TrialMeasure(
        "dead_filters",
        _metric("dead filters of the first layer", False, _dead),
        "dead filters in the first layer",
        is_ratio=False,
    ),
}
assert set(_ALL) == set(MEASURES)
assert {name for name, measure in _ALL.items() if measure.is_ratio} == set(RATIOS)


def measure_named(name: str) -> TrialMeasure:
    """Return the measure; raises ConfigError for an unknown name."""
    if name not in _ALL:
        raise ConfigError(f"unknown measure {name!r}{closest(name, _ALL)}")
    return _ALL[name]
