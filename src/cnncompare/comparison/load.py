"""Load run folders as results, and report the reason for each one that cannot be compared."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from cnncompare.comparison.outcome import Outcome, read_outcome
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


class LoadedRuns(NamedTuple):
    """Runs that can be compared, what is not used of the others, and trials of tunings.

    Runs that failed because they diverged are among `results` and `skipped`: next to other runs
    they count as runs that did not train. `trials` finished or diverged; they are not tested.
    """

    results: list[Result]
    skipped: list[Skipped]
    trials: list[Result]


def load_results(roots: Iterable[Path]) -> tuple[list[Result], list[Skipped]]:
    """Return the comparable runs at or below `roots`, and the skipped ones with their reasons."""
    loaded = load_runs(roots)
    return loaded.results, loaded.skipped


def load_runs(roots: Iterable[Path]) -> LoadedRuns:
    """Return all runs at or below `roots`, each read once."""
    results: list[Result] = []
    diverged: list[Result] = []
    skipped: list[Skipped] = []
    trials: list[Result] = []
    untested: list[Skipped] = []
    for folder in dict.fromkeys(path.resolve() for path in find_runs(list(roots))):
        try:
            run = Run.read(folder)
        except DataError as error:
            skipped.append(Skipped(str(folder), str(error)))
            continue
        if _is_trial(run):
            untested.append(Skipped(str(folder), "a trial of a tuning, which is not tested"))
            trials += _trial_results(run)
            continue
        if reason := _reason_to_skip(run):
            skipped.append(Skipped(str(folder), reason))
            diverged += _diverged_results(run)
            continue
        result, problem = _result(run)
        results.append(result)
        if problem:
            skipped.append(Skipped(str(folder / PREDICTIONS), problem))
        skipped += _changed_files(run)
    if not results:
        return LoadedRuns([], skipped + untested, trials)
    return LoadedRuns(results + diverged, skipped, trials)


def _trial_results(run: Run) -> list[Result]:
    """Return the result of a trial that finished with a complete record, or that diverged."""
    if is_finished(run) and _is_complete(run.record):
        return [_as_result(run, None)]
    return _diverged_results(run)


def _is_complete(record: RunRecord) -> bool:
    return record.model is not None and record.data is not None and record.settings is not None


def _as_result(run: Run, outcome: Outcome | None) -> Result:
    record = run.record
    assert record.model is not None
    assert record.data is not None
    assert record.settings is not None
    sections = (record.model, record.data, record.settings, record.training, record.evaluation)
    return Result(run, *sections, outcome)


def _is_trial(run: Run) -> bool:
    """Return whether the run is a trial of ``cnncompare tune``, chosen from by validation."""
    tuning = run.record.training.tuning if run.record.training else None
    return tuning is not None and tuning.setting == "trial"


def _diverged_results(run: Run) -> list[Result]:
    """Return the result of a run that failed because it diverged, if its record is complete."""
    record = run.record
    if record.status != "failed" or record.error is None or record.error.type != "Diverged":
        return []
    if not _is_complete(record) or (record.training and record.training.incomparable):
        return []
    return [_as_result(run, None)]


def _changed_files(run: Run) -> list[Skipped]:
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
        return record.status + (f": {error.text}" if error else "")
    if record.settings is None or not _is_complete(record):
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
    outcome, problem = None, ""
    try:
        outcome = read_outcome(run)
    except DataError as error:
        problem = f"{error}; the run's record is used, its per-image predictions are not"
    return _as_result(run, outcome), problem
