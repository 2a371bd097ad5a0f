"""What others published for a model on the same data, and how their recipe differs from ours."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from cnncompare.comparison.load import Result
from cnncompare.stats.intervals import Interval


@dataclass(frozen=True)
class ReferenceResult:
    """The range of published accuracies in [0, 1]; `verdict` is below, within or above it."""

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
    """Compare a group's mean top-1 with what was published; None when nothing was.

    It lies outside when its whole interval does.
    """
    if result.training is None:
        return None  # the run's own check knows the numbers of its weights
    known = _table().get(result.data.name)
    if known is None or result.data.n_test != known["n_test"]:
        return None
    rows = known["models"].get(result.model.name)
    if rows is None:
        return None
    accuracies = [row[0] / 100 for row in rows]
    low, high = min(accuracies), max(accuracies)
    upper, lower = interval.high or mean, interval.low or mean
    verdict = "below" if upper < low else "above" if lower > high else "within"
    differs = _recipe_differs(result, known, [row[1] for row in rows if row[1]])
    return ReferenceResult(low, high, [row[2] for row in rows], verdict, differs)


def _recipe_differs(result: Result, known: dict[str, Any], epochs: list[int]) -> list[str]:
    training, data, recipe = result.training, result.data, known["recipe"]
    assert training is not None
    found = []
    if epochs and not min(epochs) <= training.max_epochs <= max(epochs):
        span = str(epochs[0]) if len(set(epochs)) == 1 else f"{min(epochs)} to {max(epochs)}"
        found.append(f"{training.max_epochs} epochs, published {span}")
    if data.n_train is not None and data.n_train != known["n_train"]:
        found.append(f"{data.n_train:,} training images, published {known['n_train']:,}")
    if training.protocol == "holdout":
        found.append("epoch chosen on validation images, published mostly on the test set")
    for key in ("optimizer", "weight_decay"):
        if getattr(training, key) != recipe[key]:
            found.append(f"{key} {getattr(training, key)}, published {recipe[key]}")
    for key in ("crop_padding", "flip"):
        if training.augment.get(key) != recipe[key]:
            found.append(f"{key} {training.augment.get(key)}, published {recipe[key]}")
    if result.model.pretrained:
        found.append(f"weights {result.model.pretrained}, published from scratch")
    return found
