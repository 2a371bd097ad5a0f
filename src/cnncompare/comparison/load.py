"""Read run folders into results that can be compared, and say why the others cannot."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from cnncompare.errors import DataError
from cnncompare.runs.record import (
    DataSection,
    EvaluationSection,
    ModelSection,
    RunRecord,
    SettingsSection,
    TrainingSection,
)
from cnncompare.runs.run import CONFIG, PREDICTIONS, Run, find_runs


@dataclass(frozen=True)
class Skipped:
    """What was left out, and why."""

    path: str
    reason: str


@dataclass(frozen=True, eq=False)
class Outcome:
    """One run's answers on the N test images, in the data set's own order.

    `label` and `top1` int16 [N], `top1` -1 for an image that could not be read; `correct1` and
    `correct5` bool [N]; `confidence` float32 [N] in [0, 1], the probability given to `top1`.
    """

    label: NDArray[np.int16]
    top1: NDArray[np.int16]
    correct1: NDArray[np.bool_]
    correct5: NDArray[np.bool_]
    confidence: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Result:
    """A finished run with a complete record; `outcome` is None when its predictions are unsound."""

    run: Run
    model: ModelSection
    data: DataSection
    run_settings: SettingsSection  # what it was asked for
    training: TrainingSection | None  # the same, where it trained
    evaluation: EvaluationSection | None  # the same, where it only tested
    outcome: Outcome | None

    @property
    def record(self) -> RunRecord:
        """The run's record."""
        return self.run.record

    @property
    def seed(self) -> int:
        """The seed of initialisation, order and augmentation."""
        return self.run_settings.seed

    @property
    def data_name(self) -> str:
        """The data set's name; a class-folder tree goes by its own folder's."""
        root = self.config.get("data.root") if self.data.name == "folder" else None
        return Path(root).name or self.data.name if isinstance(root, str) else self.data.name

    @cached_property
    def config(self) -> dict[str, Any]:
        """The resolved configuration with dotted keys; empty when config.yaml is not readable."""
        try:
            text = (self.run.folder / CONFIG).read_text(encoding="utf-8")
            loaded = yaml.load(text, Loader=_YAML_LOADER)
        except (OSError, ValueError, yaml.YAMLError):
            return {}
        return flatten(loaded) if isinstance(loaded, dict) else {}

    @cached_property
    def epochs(self) -> list[dict[str, float | None]]:
        """The rows of epochs.csv; none when it is not readable."""
        try:
            return self.run.epochs()
        except (DataError, OSError, UnicodeDecodeError):
            return []


_YAML_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # 8 times as fast where built


def flatten(nested: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return `nested` with dotted keys; lists and empty dicts stay values."""
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        if isinstance(value, dict) and value:
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def load_results(roots: Iterable[Path]) -> tuple[list[Result], list[Skipped]]:
    """Return the finished runs at or below `roots`, and what was skipped with its reason."""
    results: list[Result] = []
    skipped: list[Skipped] = []
    for folder in dict.fromkeys(path.resolve() for path in find_runs(list(roots))):
        try:
            run = Run.read(folder)
        except DataError as error:
            skipped.append(Skipped(str(folder), str(error)))
            continue
        reason = _not_comparable(run.record)
        if reason:
            skipped.append(Skipped(str(folder), reason))
            continue
        result, problem = _result(run)
        results.append(result)
        if problem:
            skipped.append(Skipped(str(folder / PREDICTIONS), problem))
    return results, skipped


def _not_comparable(record: RunRecord) -> str:
    if record.status != "finished":
        error = record.error
        return record.status + (f": {error.type}: {error.message}" if error else "")
    if record.model is None or record.data is None or record.settings is None:
        return "finished, but its record lacks model, data, or training and evaluation"
    if record.test.acc1 is None:
        return "finished, but never tested: test.acc1 is null"
    if not 0 <= record.test.acc1 <= 1:
        return f"test.acc1 is {record.test.acc1}, and an accuracy lies in [0, 1]"
    return ""


def _result(run: Run) -> tuple[Result, str]:
    record = run.record
    assert record.model is not None
    assert record.data is not None
    assert record.settings is not None
    outcome, problem = None, ""
    try:
        outcome = read_outcome(run)
    except DataError as error:
        problem = f"{error}; its record is used, its images are not"
    parts = (record.model, record.data, record.settings, record.training, record.evaluation)
    return Result(run, *parts, outcome), problem


def read_outcome(run: Run) -> Outcome:
    """Return the run's checked predictions.

    Raises DataError when arrays are missing, of wrong shape or length, out of the classes' range,
    or give another accuracy than run.json says.
    """
    saved = run.predictions()
    label, top5, confidence = saved.label, saved.top5, saved.confidence
    n = len(label) if label.ndim == 1 else -1
    if top5.shape[:1] != (n,) or top5.ndim != 2 or top5.shape[1] < 1 or confidence.shape != (n,):
        raise DataError(
            f"{run.folder / PREDICTIONS}: label {label.shape}, top5 {top5.shape} and confidence "
            f"{confidence.shape} should be (N,), (N, 5) and (N,)"
        )
    _check_values(run, label, top5, confidence)
    hits = top5 == label[:, None]
    return Outcome(label, top5[:, 0].copy(), hits[:, 0].copy(), hits.any(axis=1), confidence)


def _check_values(
    run: Run, label: NDArray[np.int16], top5: NDArray[np.int16], confidence: NDArray[np.float32]
) -> None:
    where, record = run.folder / PREDICTIONS, run.record
    assert record.data is not None
    if record.test.n is not None and len(label) != record.test.n:
        raise DataError(f"{where}: {len(label)} images, and run.json says {record.test.n}")
    if len(label) == 0:
        raise DataError(f"{where}: no images")
    unread = top5[:, 0] < 0  # images that could not be read, and count as wrong
    if (top5[unread] != -1).any():
        raise DataError(f"{where}: an image has some classes below 0, and not all of them -1")
    read = top5[~unread]
    low = min(label.min(), read.min(initial=0))
    high = max(label.max(), read.max(initial=0))
    if low < 0 or high >= record.data.classes:
        raise DataError(f"{where}: classes {low} to {high}, and there are {record.data.classes}")
    if not np.isfinite(confidence).all() or confidence.min() < 0 or confidence.max() > 1.0001:
        raise DataError(f"{where}: a confidence lies outside [0, 1]")
    accuracy = float((top5[:, 0] == label).mean())
    if record.test.acc1 is not None and abs(accuracy - record.test.acc1) > 0.5 / len(label):
        raise DataError(
            f"{where}: accuracy {accuracy:.4f}, and run.json says {record.test.acc1:.4f}"
        )
