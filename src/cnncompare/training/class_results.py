"""Balanced accuracy, macro-F1 and per_class.csv of a tested run, from its saved predictions."""

import csv
import io
from collections.abc import Sequence

import numpy as np

from cnncompare.runs.lifecycle import record_progress
from cnncompare.runs.run import PER_CLASS, PER_CLASS_COLUMNS, Run
from cnncompare.runs.storage import write_atomically
from cnncompare.stats.class_scores import ClassScores, score_classes


def record_class_results(run: Run, class_names: Sequence[str]) -> None:
    """Set the means over classes in the record, and write per_class.csv.

    Each class counts alike, whatever its number of test images. As in scikit-learn, a class
    without test images has no recall and does not enter the balanced accuracy; if it is predicted,
    its F1 of 0 enters the macro-F1.
    """
    saved = run.predictions()
    scores = score_classes(saved.label, saved.top5[:, 0], len(class_names))
    record_progress(
        run, test={"balanced_acc1": scores.balanced_accuracy, "macro_f1": scores.macro_f1}
    )
    write_atomically(run.folder / PER_CLASS, _format(scores, class_names).encode())


def _format(scores: ClassScores, class_names: Sequence[str]) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(PER_CLASS_COLUMNS)
    columns = (scores.precision, scores.recall, scores.f1)
    for name, n, *values in zip(class_names, scores.n, *columns, strict=True):
        table.writerow([name, int(n), *("" if np.isnan(x) else float(x) for x in values)])
    return text.getvalue()
