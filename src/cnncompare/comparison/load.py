"""Load run folders as results, and report the reason for each one that cannot be compared."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnncompare.config.trainer import EARLIER_NAMES
from cnncompare.errors import DataError
from cnncompare.runs.lifecycle import is_finished
from cnncompare.runs.record import (
    DataSection,
    EvaluationSection,
    ModelSection,
    RunRecord,
    SettingsSection,
    TrainingSection,
)
from cnncompare.runs.run import (
    CLASSES,
    CONFIG,
    EPOCHS,
    PREDICTIONS,
    Predictions,
    Run,
    find_runs,
)
from cnncompare.system import strict_yaml


@dataclass(frozen=True)
class Skipped:
    """A folder or file that is not used, with the reason."""

    path: str
    reason: str


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


@dataclass(frozen=True, eq=False)
class Result:
    """A finished run with a complete record; `outcome` is None if its predictions are invalid."""

    run: Run
    model: ModelSection
    data: DataSection
    run_settings: SettingsSection  # the section `training` or `evaluation`
    training: TrainingSection | None
    evaluation: EvaluationSection | None  # of a test of pretrained weights
    outcome: Outcome | None

    @property
    def record(self) -> RunRecord:
        """The run's record."""
        return self.run.record

    @property
    def seed(self) -> int:
        """The seed of the training."""
        return self.run_settings.seed

    @property
    def number(self) -> int:
        """The number of the fold or hold-out that was tested, 0 for an ordinary test split."""
        return self.data.resampling.number if self.data.resampling else 0

    @property
    def data_name(self) -> str:
        """The data set's name; for a tree of class folders, the name of its root folder."""
        root = self.config.get("data.root") if self.data.name == "folder" else None
        return Path(root).name or self.data.name if isinstance(root, str) else self.data.name

    @cached_property
    def config(self) -> dict[str, Any]:
        """The resolved configuration with dotted keys; empty if config.yaml cannot be read."""
        try:
            loaded = strict_yaml.loads(self.run.read_file(CONFIG))
        except (DataError, ValueError):
            return {}
        flat = flatten(loaded) if isinstance(loaded, dict) else {}
        if isinstance(flat.get("trainer.devices"), list):
            flat["trainer.devices"] = len(flat["trainer.devices"])  # which GPUs changes no number
        return {_EARLIER_KEYS.get(key, key): value for key, value in flat.items()}

    @cached_property
    def epochs(self) -> list[dict[str, float | None]]:
        """The rows of epochs.csv; empty if it cannot be read."""
        try:
            return self.run.epochs()
        except DataError:
            return []


_EARLIER_KEYS = {f"trainer.{old}": f"trainer.{new}" for old, new in EARLIER_NAMES.items()}


def flatten(nested: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return `nested` with dotted keys; lists and empty dictionaries are values."""
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        if isinstance(value, dict) and value:
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def load_results(roots: Iterable[Path]) -> tuple[list[Result], list[Skipped]]:
    """Return the comparable runs at or below `roots`, and the skipped ones with their reasons.

    Runs that failed because they diverged are among both: beside other runs they count as runs
    that did not train.
    """
    results: list[Result] = []
    diverged: list[Result] = []
    skipped: list[Skipped] = []
    trials: list[Skipped] = []
    for folder in dict.fromkeys(path.resolve() for path in find_runs(list(roots))):
        try:
            run = Run.read(folder)
        except DataError as error:
            skipped.append(Skipped(str(folder), str(error)))
            continue
        if is_trial(run):
            trials.append(Skipped(str(folder), "a trial of a tuning, which is not tested"))
            continue
        if reason := _reason_to_skip(run):
            skipped.append(Skipped(str(folder), reason))
            diverged += diverged_results(run)
            continue
        result, problem = _result(run)
        results.append(result)
        if problem:
            skipped.append(Skipped(str(folder / PREDICTIONS), problem))
        skipped += _damaged_files(run)
    return (results + diverged, skipped) if results else ([], skipped + trials)


def is_trial(run: Run) -> bool:
    """Return whether the run is a trial of ``cnncompare tune``, chosen from by validation."""
    tuning = run.record.training.tuning if run.record.training else None
    return tuning is not None and tuning.setting == "trial"


def diverged_results(run: Run) -> list[Result]:
    """Return the result of a run that failed because it diverged, if its record is complete."""
    record = run.record
    if record.status != "failed" or record.error is None or record.error.type != "Diverged":
        return []
    if record.model is None or record.data is None or record.settings is None:
        return []
    if record.training is not None and record.training.incomparable:
        return []
    sections = (record.model, record.data, record.settings, record.training, record.evaluation)
    return [Result(run, *sections, None)]


def _damaged_files(run: Run) -> list[Skipped]:
    """Return the files other than the predictions that changed after the run and are not used."""
    found = []
    for name in (CONFIG, CLASSES, EPOCHS):
        if name not in run.record.files:
            continue
        try:
            run.read_file(name)
        except DataError as error:
            found.append(Skipped(str(run.folder / name), f"{error}; the file is not used"))
    return found


def _reason_to_skip(run: Run) -> str:
    """Return the reason why the run cannot be compared; "" if it can."""
    record = run.record
    if not is_finished(run):
        error = record.error
        return record.status + (f": {error.type}: {error.message}" if error else "")
    if record.model is None or record.data is None or record.settings is None:
        return "finished, but its record lacks model, data, or both training and evaluation"
    if record.test.acc1 is None:
        if record.settings.test_reads == 0:
            return "finished, but not tested: test=false"
        return "finished, but not tested: test.acc1 is null"
    if not 0 <= record.test.acc1 <= 1:
        return f"test.acc1 is {record.test.acc1}; an accuracy lies in [0, 1]"
    reasons = record.training.incomparable if record.training else []
    return f"not comparable: {', '.join(reasons)}" if reasons else ""


def _result(run: Run) -> tuple[Result, str]:
    """Return the result, and the reason if its predictions are not used."""
    record = run.record
    assert record.model is not None
    assert record.data is not None
    assert record.settings is not None
    outcome, problem = None, ""
    try:
        outcome = read_outcome(run)
    except DataError as error:
        problem = f"{error}; the run's record is used, its per-image predictions are not"
    sections = (record.model, record.data, record.settings, record.training, record.evaluation)
    return Result(run, *sections, outcome), problem


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
