"""Tuning curves: the expected best validation accuracy of each network by number of trials."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cnncompare.comparison.grouping import compared_config
from cnncompare.comparison.load import Result
from cnncompare.comparison.protocol import protocol_of
from cnncompare.runs.run import selected_accuracy
from cnncompare.stats.expected_best import ExpectedBest, expected_best

# what trials of a network differ in; its other settings identify it
TUNED_KEYS = (
    *("optimizer.lr", "optimizer.weight_decay", "scheduler.warmup_epochs"),
    *("tuning.setting", "tuning.trials", "tuning.trial", "test"),
)


@dataclass(frozen=True)
class TuningCurve:
    """Validation accuracies of a network's trials, in [0, 1] by number, and their expected best.

    A trial that diverged counts as 0.
    """

    label: str
    acc1: list[float]
    expected: list[ExpectedBest]


def tuning_curves(
    protocol: dict[str, Any], rows: Sequence[Result], trials: Sequence[Result]
) -> list[TuningCurve]:
    """Return the curve of each network among `rows`, a run of each row of a table.

    Empty for a table without tuning. Of a tuning that was extended, the table's trials count.
    """
    tuning = protocol.get("tuning")
    if tuning is None:
        return []
    by_network: dict[str, dict[int, float]] = defaultdict(dict)
    for trial in trials:
        number = _number(trial)
        if number <= tuning["trials"] and _shares(protocol, trial):
            by_network[_network(trial)][number] = selected_accuracy(trial.run) or 0.0
    labels = _labels(rows)
    curves = [(labels[key], found) for key, found in by_network.items() if key in labels]
    return [_curve(label, found) for label, found in sorted(curves, key=lambda c: c[0])]


def _curve(label: str, found: dict[int, float]) -> TuningCurve:
    values = [found[number] for number in sorted(found)]
    return TuningCurve(label, values, expected_best(values))


def _number(trial: Result) -> int:
    assert trial.training is not None
    assert trial.training.tuning is not None
    return trial.training.tuning.trial or 0


def _shares(protocol: dict[str, Any], trial: Result) -> bool:
    """Return whether a trial has the table's protocol; it does not know the number of trials."""
    own = protocol_of(trial)
    own["tuning"] = own["tuning"] | {"trials": protocol["tuning"]["trials"]}
    return all(own.get(key) == value for key, value in protocol.items() if key != "model")


def _network(result: Result) -> str:
    config = {k: v for k, v in compared_config(result).items() if k not in TUNED_KEYS}
    return json.dumps([result.record.label, config], sort_keys=True, default=str)


def _labels(rows: Sequence[Result]) -> dict[str, str]:
    """Return the label of each network, with a number if several share a name."""
    names: dict[str, list[str]] = defaultdict(list)
    for network, name in dict.fromkeys((_network(row), row.record.label) for row in rows):
        names[name].append(network)
    return {
        network: name if len(networks) == 1 else f"{name} ({number})"
        for name, networks in names.items()
        for number, network in enumerate(networks, start=1)
    }
