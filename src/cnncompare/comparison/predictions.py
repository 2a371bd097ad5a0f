"""Analysis of the predictions of a table's models: confusion, calibration and agreement."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnncompare.comparison.agreement import (
    Agreement,
    majority_vote_accuracy,
    pairwise_agreements,
    representatives,
    solely_correct,
)
from cnncompare.comparison.compare import ComparedTable
from cnncompare.comparison.confusion import (
    ClassAccuracy,
    ConfusedPair,
    class_accuracies,
    most_confused,
    pooled_confusion_matrix,
)
from cnncompare.comparison.folds import outcomes_of
from cnncompare.comparison.outcome import Outcome
from cnncompare.errors import DataError
from cnncompare.runs.run import CLASSES, Run
from cnncompare.stats.calibration import (
    ReliabilityBin,
    expected_calibration_error,
    reliability_bins,
)
from cnncompare.system import strict_json


@dataclass(frozen=True)
class PredictionAnalysis:
    """Analysis by model label; comparisons of models use one run of each, `chosen`."""

    names: list[str]  # of the classes
    chosen: dict[str, Outcome]  # of a common seed, if there is one
    matrices: dict[str, NDArray[np.int64]]
    classes: dict[str, list[ClassAccuracy]]
    confused: dict[str, list[ConfusedPair]]
    bins: dict[str, list[ReliabilityBin]]
    ece: dict[str, float]
    agreements: list[Agreement]
    solely_correct: dict[str, NDArray[np.int64]]
    vote: float | None  # accuracy of the majority vote of three or more models


def analyse_predictions(table: ComparedTable) -> PredictionAnalysis | None:
    """Return the analysis of a table; None if no run has valid predictions."""
    groups = [row.group for row in table.rows]
    outcomes = {group.label: outcomes_of(group) for group in groups}
    outcomes = {label: members for label, members in outcomes.items() if members}
    if not outcomes:
        return None
    n = groups[0].results[0].data.classes
    matrices = {label: pooled_confusion_matrix(members, n) for label, members in outcomes.items()}
    pooled = {label: _pooled(members) for label, members in outcomes.items()}
    chosen = representatives(groups)
    return PredictionAnalysis(
        names=table_class_names(table),
        chosen=chosen,
        matrices=matrices,
        classes={label: class_accuracies(m, len(outcomes[label])) for label, m in matrices.items()},
        confused={label: most_confused(m, len(outcomes[label])) for label, m in matrices.items()},
        bins={label: reliability_bins(*arrays) for label, arrays in pooled.items()},
        ece={label: expected_calibration_error(*arrays) for label, arrays in pooled.items()},
        agreements=pairwise_agreements(chosen, n),
        solely_correct=solely_correct(chosen),
        vote=majority_vote_accuracy(list(chosen.values()), n) if len(chosen) > 2 else None,
    )


def _pooled(members: list[Outcome]) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Return `correct` and `confidence` of all runs' predictions."""
    correct = np.concatenate([outcome.correct1 for outcome in members])
    return correct, np.concatenate([outcome.confidence for outcome in members])


def table_class_names(table: ComparedTable) -> list[str]:
    """Return the unique names of the classes; their numbers if no run has saved names."""
    results = [result for row in table.rows for result in row.group.results]
    n = results[0].data.classes
    for result in results[:3]:  # the runs of a table share their classes
        if names := _saved_names(result.run, n):
            return names
    return [str(i) for i in range(n)]


def _saved_names(run: Run, n: int) -> list[str] | None:
    try:
        names: Any = strict_json.loads(run.read_file(CLASSES))
    except (DataError, ValueError):
        return None
    valid = isinstance(names, list) and len(names) == n == len(set(map(str, names)))
    return [str(name) for name in names] if valid else None
