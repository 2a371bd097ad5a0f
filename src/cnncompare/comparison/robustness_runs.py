"""Runs that were evaluated on changed test images, with a score of each image."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cnncompare.comparison.grouping import Group
from cnncompare.comparison.load import Result, Skipped
from cnncompare.comparison.outcome import Outcome
from cnncompare.errors import DataError
from cnncompare.runs.robustness_file import (
    CLEAN,
    SUITES,
    Cell,
    SavedCells,
    cells_file,
    read_cells,
    recorded_weights,
)

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ScoredRun:
    """A result with its predictions by cell, and the scores of its images.

    `clean` is bool [N]; `corrupted`, float64 [N], is the mean over the cells. `paired` states that
    the images are the run's test images, changed; otherwise `clean` is of all of these.
    """

    result: Result
    saved: SavedCells
    clean: NDArray[np.bool_]
    corrupted: Floats
    paired: bool

    def correct(self, cell: Cell) -> NDArray[np.bool_]:
        """Return which images the network classifies correctly, bool [N]."""
        return np.asarray(self.saved.cells[cell].top1 == self.saved.label)


@dataclass(frozen=True)
class EvaluatedRuns:
    """The runs of each label that have all `cells`, and those that are left out."""

    by_label: dict[str, list[ScoredRun]]
    cells: list[Cell]
    left_out: list[Skipped] = field(default_factory=list)


def read_evaluated(
    groups: Sequence[Group], suite: str, limit: int | None, cells: Collection[Cell] | None
) -> EvaluatedRuns:
    """Return the runs that were evaluated on a set; without `cells`, those of most count."""
    files: dict[str, SavedCells] = {}
    left_out: list[Skipped] = []
    for result in (result for group in groups for result in group.results):
        saved, problem = _read(result, cells_file(suite, limit))
        if saved is not None and not problem:
            first = next(iter(files.values()), saved)
            problem = _other_images(result, saved, first)
        if saved is not None and not problem:
            files[str(result.run.folder)] = saved
        if problem:
            left_out.append(Skipped(str(result.run.folder), problem))
    chosen = _chosen_cells(files, cells)
    by_label, incomplete = _score(groups, files, chosen)
    return EvaluatedRuns(by_label if chosen else {}, chosen, left_out + incomplete)


def _other_images(result: Result, saved: SavedCells, first: SavedCells) -> str:
    """Return the reason if the images are not those of the first run; folds have their own."""
    if result.data.resampling is not None or np.array_equal(saved.label, first.label):
        return ""
    return "evaluated on other images than the other runs"


def _read(result: Result, name: str) -> tuple[SavedCells | None, str]:
    """Return the predictions of a run, or none and the reason."""
    try:
        saved = read_cells(result.run.folder / name)
    except DataError as error:
        return None, str(error)
    if saved is None:
        return None, f"not evaluated: it has no {name}"
    weights = recorded_weights(result.run)
    if weights is not None and saved.about.get("weights") != weights:
        return None, f"{name} is of other weights; cnncompare robustness evaluates these"
    if saved.about.get("fingerprint") != result.data.fingerprint:
        return None, f"{name} is of other test images; cnncompare robustness evaluates these"
    n_set = saved.about.get("n_set")
    inside = (saved.position >= 0) & (saved.position < (n_set if isinstance(n_set, int) else 0))
    if not len(saved.label) or not inside.all():
        return None, f"{name}: positions of images lie outside the set"
    return saved, ""


def _chosen_cells(files: Mapping[str, SavedCells], cells: Collection[Cell] | None) -> list[Cell]:
    known = max((saved.cells for saved in files.values()), key=len, default={})
    wanted = known if cells is None else cells
    return [cell for cell in wanted if cell != CLEAN]


def _score(
    groups: Sequence[Group], files: Mapping[str, SavedCells], cells: Sequence[Cell]
) -> tuple[dict[str, list[ScoredRun]], list[Skipped]]:
    """Return the scored results of each group that has any, and those without all cells."""
    scored: dict[str, list[ScoredRun]] = {}
    incomplete = []
    for group in groups:
        for result in group.results:
            saved = files.get(str(result.run.folder))
            if saved is None or result.outcome is None:
                continue
            lacking = [cell for cell in cells if cell not in saved.cells]
            if lacking:
                reason = f"evaluated on {len(cells) - len(lacking)} of {len(cells)} cells"
                incomplete.append(Skipped(str(result.run.folder), reason))
                continue
            scored.setdefault(group.label, []).append(_scored(result, result.outcome, saved, cells))
    return scored, incomplete


def _scored(
    result: Result, outcome: Outcome, saved: SavedCells, cells: Sequence[Cell]
) -> ScoredRun:
    hits = np.array([saved.cells[cell].top1 == saved.label for cell in cells])
    same_set = saved.about.get("n_set") == len(outcome.label)
    paired = same_set and bool((outcome.label[saved.position] == saved.label).all())
    clean = outcome.correct1[saved.position] if paired else outcome.correct1
    return ScoredRun(result, saved, clean, hits.mean(axis=0, dtype=np.float64), paired)


def limit_of_most(groups: Sequence[Group], suite: str) -> int | None:
    """Return the limit of images that most runs were evaluated with, rather none than any."""
    stem = SUITES[suite]
    limits: Counter[int | None] = Counter()
    for result in (result for group in groups for result in group.results):
        folder = result.run.folder
        limits[None] += (folder / cells_file(suite, None)).is_file()
        for path in folder.glob(f"{stem}-limit*.npz"):
            number = path.stem.removeprefix(f"{stem}-limit")
            if number.isdecimal():
                limits[int(number)] += 1
    if limits[None] or len(limits) == 1:
        return None
    return max(limits, key=lambda limit: (limits[limit], limit or 0))
