"""Accuracy against epochs, seconds and compute: who is ahead when the budget is equal."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cnncompare.comparison.grouping import Group
from cnncompare.comparison.load import Result

FORWARD_AND_BACKWARD = 3  # a training step costs about three forward passes


@dataclass(frozen=True)
class CurvePoint:
    """The end of one epoch of one run; `macs` are those of training so far, null if unknown."""

    epoch: int
    seconds: float  # training and validation so far
    macs: float | None
    val_acc1: float | None


def learning_curve(result: Result) -> list[CurvePoint]:
    """Return the run's points, in order; epochs without a time end the curve."""
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
    """Return the multiply-accumulates of training one epoch, null when they were not counted."""
    if result.model.macs is None or result.data.n_train is None:
        return None
    return float(result.model.macs) * result.data.n_train * FORWARD_AND_BACKWARD


def total_s(result: Result) -> float | None:
    """Return the seconds of all epochs' training and validation."""
    points = learning_curve(result)
    return points[-1].seconds if points else None


def time_to(target: float, result: Result) -> float | None:
    """Return the seconds until an epoch's validation accuracy reached `target`, null if never."""
    for point in learning_curve(result):
        if point.val_acc1 is not None and point.val_acc1 >= target:
            return point.seconds
    return None


@dataclass(frozen=True)
class BudgetComparison:
    """The best validation accuracy of each group within one budget, the mean over its seeds."""

    budget: float
    unit: str  # epochs, seconds, MACs
    acc1: dict[str, float]


def compare_at_equal_budgets(groups: Sequence[Group]) -> list[BudgetComparison]:
    """Return the groups at equal epochs, seconds and compute: the most that every run had."""
    curves = {g.label: [c for r in g.results if (c := learning_curve(r))] for g in groups}
    curves = {label: members for label, members in curves.items() if members}
    found = [_at(curves, unit) for unit in ("epochs", "seconds", "MACs")]
    return [budget for budget in found if budget is not None]


def _at(curves: dict[str, list[list[CurvePoint]]], unit: str) -> BudgetComparison | None:
    ends = [_spent(points[-1], unit) for members in curves.values() for points in members]
    known = [end for end in ends if end is not None]
    if len(curves) < 2 or len(known) < len(ends):
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
    """Return the best accuracy within the budget, null when no epoch ended in it."""
    within = [p for p in points if (_spent(p, unit) or 0.0) <= budget]
    return max((p.val_acc1 for p in within if p.val_acc1 is not None), default=None)
