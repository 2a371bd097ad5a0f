"""Learning curves: validation accuracy after a number of epochs, seconds and MACs of training."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cnncompare.comparison.grouping import Group
from cnncompare.comparison.load import Result
from cnncompare.runs.budget import macs_of_epoch


@dataclass(frozen=True)
class CurvePoint:
    """The state of a run at the end of an epoch; times and MACs are cumulative."""

    epoch: int
    seconds: float  # of training and validation
    macs: float | None  # of training
    val_acc1: float | None


def learning_curve(result: Result) -> list[CurvePoint]:
    """Return the points of a run in order; the curve ends before the first epoch without a time."""
    points: list[CurvePoint] = []
    seconds = 0.0
    per_epoch = macs_per_epoch(result)
    for row in result.epochs:
        epoch, train_s, val_s = row.get("epoch"), row.get("train_s"), row.get("val_s")
        if epoch is None or train_s is None:
            break
        seconds += train_s + (val_s or 0.0)
        macs = None if per_epoch is None else per_epoch * epoch
        points.append(CurvePoint(int(epoch), seconds, macs, row.get("val_acc1")))
    return points


def macs_per_epoch(result: Result) -> float | None:
    """Return the MACs of one epoch of training; None if they are unknown."""
    if result.model.macs is None or result.data.n_train is None:
        return None
    return macs_of_epoch(result.model.macs, result.data.n_train)


def total_seconds(result: Result) -> float | None:
    """Return the seconds of training and validation in all epochs; None without epochs."""
    points = learning_curve(result)
    return points[-1].seconds if points else None


def seconds_to_accuracy(target: float, result: Result) -> float | None:
    """Return the seconds until the validation accuracy reached `target`; None if it never did."""
    for point in learning_curve(result):
        if point.val_acc1 is not None and point.val_acc1 >= target:
            return point.seconds
    return None


@dataclass(frozen=True)
class BudgetComparison:
    """Best validation accuracy of each group within a budget, averaged over its runs."""

    budget: float
    unit: str  # epochs, seconds or MACs
    acc1: dict[str, float]


def compare_at_equal_budgets(
    groups: Sequence[Group], timed: Sequence[Group] | None = None
) -> list[BudgetComparison]:
    """Compare the groups at equal epochs, seconds and MACs: the largest that every run reached.

    Seconds are compared among the groups `timed` only, whose runs share a machine.
    """
    curves, of_timed = _curves(groups), _curves(groups if timed is None else timed)
    budgets = [
        _at_equal_budget(of_timed if unit == "seconds" else curves, unit)
        for unit in ("epochs", "seconds", "MACs")
    ]
    return [budget for budget in budgets if budget is not None]


def _curves(groups: Sequence[Group]) -> dict[str, list[list[CurvePoint]]]:
    curves = {g.label: [c for r in g.results if (c := learning_curve(r))] for g in groups}
    return {label: members for label, members in curves.items() if members}


def _at_equal_budget(
    curves: dict[str, list[list[CurvePoint]]], unit: str
) -> BudgetComparison | None:
    spent = [_spent(points[-1], unit) for members in curves.values() for points in members]
    known = [value for value in spent if value is not None]
    if len(curves) < 2 or len(known) < len(spent):
        return None
    budget = min(known)
    reached = {
        label: [best for points in members if (best := _best(points, unit, budget)) is not None]
        for label, members in curves.items()
    }
    means = {label: float(np.mean(values)) for label, values in reached.items() if values}
    return BudgetComparison(budget, unit, means)


def _spent(point: CurvePoint, unit: str) -> float | None:
    return {"epochs": point.epoch, "seconds": point.seconds, "MACs": point.macs}[unit]


def _best(points: list[CurvePoint], unit: str, budget: float) -> float | None:
    """Return the best accuracy within the budget; None if no epoch ended within it."""
    within = [p for p in points if (_spent(p, unit) or 0.0) <= budget]
    return max((p.val_acc1 for p in within if p.val_acc1 is not None), default=None)
