"""The runs to evaluate, with their weights and earlier results; imports no torch."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from cnncompare.comparison.load import Result, Skipped
from cnncompare.data.corruptions import VERSION
from cnncompare.errors import ConfigError, DataError, UserError
from cnncompare.inference.saved_settings import SavedSettings, saved_settings
from cnncompare.robustness.released import label_order
from cnncompare.robustness.suites import Suite
from cnncompare.runs.lifecycle import is_finished
from cnncompare.runs.robustness_file import Cell, SavedCells, cells_file, read_cells, weights_of


@dataclass(frozen=True, eq=False)
class PlannedRun:
    """A finished run with its settings and what identifies its weights."""

    result: Result
    settings: SavedSettings
    weights: str

    @property
    def n_test(self) -> int:
        """The number of test images."""
        return self.result.record.test.n or self.result.data.n_test


def plan_runs(results: Iterable[Result]) -> tuple[list[PlannedRun], list[Skipped]]:
    """Return the finished runs whose weights are intact, and the others with the reason."""
    planned, skipped = [], []
    for result in results:
        run = result.run
        if not is_finished(run) or result.outcome is None:
            continue  # listed by the comparison
        try:
            planned.append(PlannedRun(result, saved_settings(run), weights_of(run)))
        except UserError as error:
            skipped.append(Skipped(str(run.folder), str(error)))
    return planned, skipped


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A run on a set of images: the file of its results, and which images it holds."""

    planned: PlannedRun
    suite: Suite
    limit: int | None
    empty: SavedCells

    @property
    def path(self) -> Path:
        """The file of the results, in the run's folder."""
        return self.planned.result.run.folder / cells_file(self.suite.name, self.limit)

    def earlier(self) -> SavedCells:
        """Return the finished cells; none of other weights or images, or of a corrupt file."""
        try:
            saved = read_cells(self.path)
        except DataError:
            return self.empty
        if saved is None or _identity(saved) != _identity(self.empty):
            return self.empty
        same = np.array_equal(saved.label, self.empty.label)
        same &= np.array_equal(saved.position, self.empty.position)
        return self._of_the_same_files(saved) if same else self.empty

    def _of_the_same_files(self, saved: SavedCells) -> SavedCells:
        """Return the cells of published files that are the same, or are not used now."""
        files = self.empty.about.get("files")
        if files is None:
            return saved
        earlier = saved.about.get("files") or {}
        cells = {
            cell: outcome
            for cell, outcome in saved.cells.items()
            if files.get(cell[0], earlier.get(cell[0])) == earlier.get(cell[0])
        }
        return replace(saved, about={**saved.about, "files": {**earlier, **files}}, cells=cells)

    @cached_property
    def due(self) -> list[Cell]:
        """The cells that were not finished at the first question, in their order."""
        finished = self.earlier().cells
        return [cell for cell in self.suite.all_cells if cell not in finished]


def _identity(saved: SavedCells) -> dict[str, Any]:
    return {key: value for key, value in saved.about.items() if key != "files"}


def plan_evaluation(planned: PlannedRun, suite: Suite, limit: int | None) -> Evaluation:
    """Return the evaluation of a run; raises DataError for classes that are not CIFAR-10's."""
    images = suite.released
    labels = _run_labels(planned) if images is None else _released_labels(planned, images.labels)
    n = len(labels)
    limit = None if limit is None or limit >= n else limit
    position = np.arange(limit or n, dtype=np.int64) * n // (limit or n)
    about: dict[str, Any] = {
        "schema": 1,
        "suite": suite.name,
        "run": planned.result.record.id,
        "weights": planned.weights,
        "fingerprint": planned.result.data.fingerprint,
        "n_set": n,
    }
    about |= {"version": VERSION} if images is None else {"files": dict(images.digests)}
    empty = SavedCells(about, labels[position].astype(np.int16), position)
    return Evaluation(planned, suite, limit, empty)


def _run_labels(planned: PlannedRun) -> Any:
    assert planned.result.outcome is not None
    return planned.result.outcome.label


def _released_labels(planned: PlannedRun, labels: Any) -> Any:
    order = label_order(planned.settings.classes)
    if order is None:
        names = planned.settings.classes
        raise DataError(
            f"{planned.result.run.folder}: {len(names)} classes ({', '.join(names[:3])}, ...) are "
            "not the ten of CIFAR-10, airplane to truck"
        )
    return order[labels]


def check_limit(limit: int | None) -> None:
    """Raise ConfigError for a limit that is no number of images."""
    if limit is not None and limit < 2:
        raise ConfigError(f"robustness: --limit {limit}: expected at least 2 images")


def same_data(runs: Sequence[PlannedRun]) -> list[list[PlannedRun]]:
    """Group runs that were tested on the same images in the same form."""
    groups: dict[str, list[PlannedRun]] = {}
    for run in runs:
        own = {k: v for k, v in run.result.config.items() if k.startswith("data.")}
        normalizes = own.get("data.source") == "imagenet" or own.get("data.normalize") == "weights"
        network = (run.settings.model.name, run.settings.model.weights) if normalizes else ()
        key = f"{run.result.data.fingerprint} {sorted(map(str, own.items()))} {network}"
        groups.setdefault(key, []).append(run)
    return list(groups.values())
