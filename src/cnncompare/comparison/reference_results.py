"""Reference results: accuracies that others report for a model, and how their recipes differ."""

import math
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from cnncompare.comparison.load import Result
from cnncompare.stats.intervals import LEVEL, Interval


@dataclass(frozen=True)
class ReportedAccuracy:
    """An accuracy that a source reports, in [0, 1], over its number of runs.

    `low` and `high` are the 95 % interval of the mean over other seeds (Student's t); None without
    the standard deviation `sd` of the runs.
    """

    source: str
    acc1: float
    n: int
    statistic: str  # run, mean or median
    sd: float | None = None
    best: float | None = None  # of the runs, if stated
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class ReferenceResult:
    """The range of the reported accuracies, in [0, 1], with their intervals where known.

    `verdict` states whether the measured accuracy is "below", "within" or "above" the range.
    """

    low: float
    high: float
    sources: list[str]
    verdict: str
    recipe_differs: list[str]
    reported: list[ReportedAccuracy]


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
    reported = [_reported(*row) for row in rows]
    low = min(r.acc1 if r.low is None else r.low for r in reported)
    high = max(r.acc1 if r.high is None else r.high for r in reported)
    return ReferenceResult(
        low,
        high,
        sources=[r.source for r in reported],
        verdict=_verdict(low, high, mean, interval),
        recipe_differs=_recipe_differences(result, reference, [row[1] for row in rows if row[1]]),
        reported=reported,
    )


def _reported(
    percent: float, epochs: int | None, source: str, runs: dict[str, Any] | None = None
) -> ReportedAccuracy:
    """Return a row of the table, with the interval of the mean if the spread of its runs is known.

    The standard error is sd / sqrt(n), with n - 1 degrees of freedom.
    """
    stated = {"n": 1, "statistic": "mean" if runs else "run", **(runs or {})}
    n, sd, best = stated["n"], stated.get("sd"), stated.get("best")
    found = ReportedAccuracy(
        source=source,
        acc1=percent / 100,
        n=n,
        statistic=stated["statistic"],
        sd=None if sd is None else sd / 100,
        best=None if best is None else best / 100,
    )
    if found.sd is None or n < 2:
        return found
    from scipy.special import stdtrit

    half = found.sd / math.sqrt(n) * float(stdtrit(n - 1, 0.5 + LEVEL / 2))
    return replace(found, low=found.acc1 - half, high=found.acc1 + half)


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
    chosen: dict[str, Any] = (training.model_extra or {}).get("model_options") or {}
    differences += [f"{name} {value} of the network" for name, value in chosen.items()]
    if result.model.pretrained:
        differences.append(f"started from {result.model.pretrained} instead of random weights")
    return differences
