"""The predictions of a run on the test images, validated against its record."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cnncompare.errors import DataError
from cnncompare.runs.run import PREDICTIONS, Predictions, Run


@dataclass(frozen=True, eq=False)
class Outcome:
    """The validated predictions of a run on the N test images, in the order of the data set.

    `label` and `top1` are int16 [N]; `top1` is -1 for an image that could not be decoded.
    `correct1` and `correct5` are bool [N]. `confidence` is float32 [N] in [0, 1], the probability
    assigned to `top1`. `index`, int64 [N], is None unless the images are a fold or hold-out: their
    positions among all images of the data set, ascending.
    """

    label: NDArray[np.int16]
    top1: NDArray[np.int16]
    correct1: NDArray[np.bool_]
    correct5: NDArray[np.bool_]
    confidence: NDArray[np.float32]
    index: NDArray[np.int64] | None = None


def read_outcome(run: Run) -> Outcome:
    """Return the run's predictions after validation.

    Raises DataError if arrays are missing, have a wrong shape or length, contain classes out of
    range, or give another accuracy than run.json.
    """
    saved = run.predictions()
    _check_shapes(run, saved)
    _check_values(run, saved)
    _check_accuracy(run, saved)
    hits = saved.top5 == saved.label[:, None]
    top1 = saved.top5[:, 0].copy()
    correct = (hits[:, 0].copy(), hits.any(axis=1))
    return Outcome(saved.label, top1, *correct, saved.confidence, _checked_index(run, saved))


def _checked_index(run: Run, saved: Predictions) -> NDArray[np.int64] | None:
    """Return the images of a fold or hold-out among all images of the data set."""
    section = run.record.data.resampling if run.record.data else None
    if section is None:
        return None
    index, path = saved.index, run.folder / PREDICTIONS
    if index is None or index.shape != saved.label.shape or index.dtype.kind not in "iu":
        raise DataError(f"{path}: a fold needs index (N,), the images' positions in the data set")
    ascending = bool((np.diff(index) > 0).all())
    if index.min() < 0 or index.max() >= section.n or not ascending:
        raise DataError(f"{path}: index must ascend within the {section.n} images of the data set")
    return index.astype(np.int64)


def _check_shapes(run: Run, saved: Predictions) -> None:
    label, top5, confidence = saved.label, saved.top5, saved.confidence
    n = len(label) if label.ndim == 1 else -1
    path, recorded = run.folder / PREDICTIONS, run.record.test.n
    if label.dtype.kind != "i" or top5.dtype.kind != "i" or confidence.dtype.kind != "f":
        raise DataError(
            f"{path}: label {label.dtype}, top5 {top5.dtype} and confidence {confidence.dtype} "
            f"should be integers with a sign, the same, and floating-point"
        )
    if top5.shape[:1] != (n,) or top5.ndim != 2 or top5.shape[1] < 1 or confidence.shape != (n,):
        raise DataError(
            f"{path}: label {label.shape}, top5 {top5.shape} and confidence "
            f"{confidence.shape} should be (N,), (N, 5) and (N,)"
        )
    if recorded is not None and n != recorded:
        raise DataError(f"{path}: {n} images, but run.json records {recorded}")
    if n == 0:
        raise DataError(f"{path}: no images")


def _check_values(run: Run, saved: Predictions) -> None:
    label, top5, confidence = saved.label, saved.top5, saved.confidence
    path, data = run.folder / PREDICTIONS, run.record.data
    assert data is not None
    undecoded = top5[:, 0] < 0  # counted as wrong
    if (top5[undecoded] != -1).any():
        raise DataError(f"{path}: the classes of an image are negative, but not all of them -1")
    decoded = top5[~undecoded]
    low = min(label.min(), decoded.min(initial=0))
    high = max(label.max(), decoded.max(initial=0))
    if low < 0 or high >= data.classes:
        raise DataError(f"{path}: classes {low} to {high}, but the data set has {data.classes}")
    if not np.isfinite(confidence).all() or confidence.min() < 0 or confidence.max() > 1.0001:
        raise DataError(f"{path}: a confidence lies outside [0, 1]")


def _check_accuracy(run: Run, saved: Predictions) -> None:
    accuracy, recorded = float((saved.top5[:, 0] == saved.label).mean()), run.record.test.acc1
    if recorded is not None and abs(accuracy - recorded) > 0.5 / len(saved.label):
        raise DataError(
            f"{run.folder / PREDICTIONS}: accuracy {accuracy:.4f}, "
            f"but run.json records {recorded:.4f}"
        )
