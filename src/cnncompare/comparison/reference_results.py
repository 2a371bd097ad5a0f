"""Reference results: accuracies that others report for a model, and how their recipes differ."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from cnncompare.comparison.load import Result
from cnncompare.stats.intervals import Interval


@dataclass(frozen=True)
class ReferenceResult:
    """The range of the reported accuracies, in [0, 1].

    `verdict` states whether the measured accuracy is "below", "within" or "above" the range.
    """

    low: float
    high: float
    sources: list[str]
    verdict: str
    recipe_differs: list[str]


@cache
def _table() -> dict[str, Any]:
    text = (files("cnncompare.comparison") / "reference_results.yaml").read_text(encoding="utf-8")
    table: dict[str, Any] = yaml.safe_load(text)
    return table


def reference_result(result: Result, mean: float, interval: Interval) -> ReferenceResult | None:
    """Compare a group's mean top-1 with the reference results; None if there are none.

    The mean is below or above their range only if its whole interval is.
    """
    if result.data.resampling is not None:
        return None  # other test images than those of the reference results
    if result.training is None:
        return None  # the run's own check compares pretrained weights with their reference result
    reference = _table().get(result.data.name)
    if reference is None or result.data.n_test != reference["n_test"]:
        return None
    rows = reference["models"].get(result.model.name)
    if rows is None:
        return None
    accuracies, epochs, sources = zip(*rows, strict=True)
    low, high = min(accuracies) / 100, max(accuracies) / 100
    differs = _recipe_differences(result, reference, [n for n in epochs if n])
    return ReferenceResult(low, high, list(sources), _verdict(low, high, mean, interval), differs)


def _verdict(low: float, high: float, mean: float, interval: Interval) -> str:
    if (interval.high or mean) < low:
        return "below"
    return "above" if (interval.low or mean) > high else "within"


def _recipe_differences(result: Result, reference: dict[str, Any], epochs: list[int]) -> list[str]:
    """Return a text for each difference of the run's recipe from that of the reference results."""
    training, data, recipe = result.training, result.data, reference["recipe"]
    assert training is not None
    differences = []
    if epochs and not min(epochs) <= training.max_epochs <= max(epochs):
        span = str(epochs[0]) if len(set(epochs)) == 1 else f"{min(epochs)} to {max(epochs)}"
        differences.append(f"{training.max_epochs} epochs instead of {span}")
    if data.n_train is not None and data.n_train != reference["n_train"]:
        differences.append(f"{data.n_train:,} training images instead of {reference['n_train']:,}")
    if training.protocol == "holdout":
        differences.append("epoch chosen on validation images (most sources: on the test set)")
    used = {
        "optimizer": training.optimizer,
        "weight_decay": training.weight_decay,
        "crop_padding": training.augment.get("crop_padding"),
        "flip": training.augment.get("flip"),
    }
    differences += [
        f"{key} {value} instead of {recipe[key]}"
        for key, value in used.items()
        if value != recipe[key]
    ]
    if result.model.pretrained:
        differences.append(f"started from {result.model.pretrained} instead of random weights")
    return differences
