"""The imbalance of a table's images, and the classes that its networks never predict."""

import numpy as np

from cnncompare.comparison.compare import ComparedTable
from cnncompare.comparison.confusion import never_predicted, pooled_confusion_matrix
from cnncompare.comparison.grouping import Group
from cnncompare.comparison.predictions import table_class_names
from cnncompare.stats.imbalance import Imbalance, measure_imbalance


def table_imbalance(table: ComparedTable) -> Imbalance | None:
    """Return the recorded imbalance of a table's data, or without one that of the test images."""
    results = [result for row in table.rows for result in row.group.results]
    for result in results:
        if result.data.imbalance is not None:
            return result.data.imbalance
    labels = next((r.outcome.label for r in results if r.outcome is not None), None)
    if labels is None:
        return None
    names = table_class_names(table)
    counts: list[int] = np.bincount(labels, minlength=len(names)).tolist()
    return measure_imbalance("test", counts, names)


def classes_never_predicted(group: Group, classes: int) -> list[int]:
    """Return the classes that have test images but are predicted in no run of the group."""
    outcomes = [result.outcome for result in group.results if result.outcome is not None]
    return never_predicted(pooled_confusion_matrix(outcomes, classes)) if outcomes else []
