"""Evaluation of trained networks on changed test images, cell by cell, with results kept."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cnncompare.data.augment import adapt
from cnncompare.data.corruptions import corrupt
from cnncompare.data.module import ImageData
from cnncompare.errors import OutputError, RunError
from cnncompare.export.tested_images import load_test_images
from cnncompare.inference.predictor import Predictor
from cnncompare.robustness.plan import Evaluation, PlannedRun, same_data
from cnncompare.robustness.released import ReleasedImages
from cnncompare.runs.robustness_file import CLEAN, Cell, CellOutcome, SavedCells, write_cells

MOST_WEIGHTS_MB = 1000  # of the networks that are in memory at once
MOST_IMAGES = 500  # that are corrupted at once
_MOST_BYTES = 64 * 2**20  # of their pixels as float64
_RECORD_SHARE = 0.01  # images whose class may differ from the record's: float sums elsewhere
PURPOSE = "test images are corrupted"

Advance = Callable[[int], object]
Estimate = Callable[[float], object]
"""Called once with the seconds that all images will take."""


@dataclass(eq=False)
class _Active:
    """An evaluation in progress: the network, the saved cells, and those that are due."""

    evaluation: Evaluation
    predictor: Predictor
    saved: SavedCells
    due: set[Cell]
    found: list[tuple[Tensor, Tensor]] = field(default_factory=list)

    def classify(self, images: Tensor) -> None:
        self.found.append(self.predictor.classify(adapt(images, self.predictor.read.shape)))

    def finish(self, cell: Cell) -> None:
        """Save the cell; raises OutputError if the file cannot be written."""
        top1, confidence = (torch.cat(column).numpy() for column in zip(*self.found, strict=True))
        self.found = []
        outcome = CellOutcome(top1.astype(np.int16), confidence.astype(np.float32))
        if self.evaluation.suite.released is None:
            outcome = _without_corrupt(self.evaluation, outcome)
        if cell == CLEAN:
            _check_clean(self.evaluation, outcome)
        self.saved = self.saved.with_cell(cell, outcome)
        path = self.evaluation.path
        try:
            write_cells(path, self.saved)
        except OSError as error:
            raise OutputError(f"{path} cannot be written ({error.strerror or error})") from None


def evaluate_suite(
    evaluations: Sequence[Evaluation], advance: Advance, note_seconds: Estimate
) -> None:
    """Evaluate all cells that are not finished, and save each at once.

    `advance` is called with the number of images that a network has classified.
    """
    due = {id(e.planned): e for e in evaluations if e.due}
    total = sum(len(e.due) * len(e.empty.label) for e in due.values())
    clock = _Clock(total, advance, note_seconds)
    for group in same_data([e.planned for e in due.values()]):
        source: _Source | None = None
        for some in _that_fit(group):
            active = [_start(due[id(planned)]) for planned in some]
            source = source or _Source(active[0].evaluation)
            _evaluate(active, source, clock)


def _start(evaluation: Evaluation) -> _Active:
    network = Predictor(evaluation.planned.result.run)
    return _Active(evaluation, network, evaluation.earlier(), set(evaluation.due))


def _evaluate(active: Sequence[_Active], source: "_Source", clock: "_Clock") -> None:
    for cell in active[0].evaluation.suite.all_cells:
        now = [one for one in active if cell in one.due]
        clock.start()
        for images in source.chunks(cell) if now else ():
            for one in now:
                one.classify(images)
                clock.count(len(images))
        for one in now:
            one.finish(cell)


def _that_fit(planned: Sequence[PlannedRun]) -> Iterator[list[PlannedRun]]:
    """Yield runs whose networks fit into memory together, at least one at a time."""
    some: list[PlannedRun] = []
    size = 0.0
    for run in planned:
        own = run.result.model.size_mb or 0.0
        if some and size + own > MOST_WEIGHTS_MB:
            yield some
            some, size = [], 0.0
        some.append(run)
        size += own
    yield some


class _Source:
    """The images of each cell, in chunks of uint8 [n, C, H, W]."""

    def __init__(self, evaluation: Evaluation) -> None:
        planned = evaluation.planned
        self._positions: list[int] = evaluation.empty.position.tolist()
        self._released: ReleasedImages | None = evaluation.suite.released
        self._data: ImageData | None = None
        if self._released is None:
            self._data = load_test_images(planned.result.run, planned.settings, PURPOSE)

    def chunks(self, cell: Cell) -> Iterator[Tensor]:
        start = 0
        step = 1  # the size of the images is known from the first one
        while start < len(self._positions):
            images = self._read(cell, self._positions[start : start + step])
            yield torch.from_numpy(images).permute(0, 3, 1, 2)
            start += step
            step = max(1, min(MOST_IMAGES, _MOST_BYTES // (8 * images[0].size)))

    def _read(self, cell: Cell, positions: list[int]) -> NDArray[np.uint8]:
        if self._released is not None:
            return self._released.read(cell, positions)
        assert self._data is not None
        stored = self._data.stored_test_images(positions)
        pixels = np.ascontiguousarray(stored.permute(0, 2, 3, 1).numpy())
        return pixels if cell == CLEAN else corrupt(pixels, *cell, self._seeds(positions))

    def _seeds(self, positions: list[int]) -> list[int]:
        """Return the positions among all images of a data set of which this is a fold."""
        assert self._data is not None
        pool = self._data.pool_positions
        return positions if pool is None else pool[positions].tolist()


class _Clock:
    """Counts images, and states once how many seconds all of them will take."""

    SAMPLE_S, SAMPLE_IMAGES = 3.0, 64

    def __init__(self, total: int, advance: Advance, note_seconds: Estimate) -> None:
        self._total, self._advance, self._note = total, advance, note_seconds
        self._done, self._seconds, self._noted = 0, 0.0, False
        self._since = 0.0

    def start(self) -> None:
        """Start to measure, after networks and data were loaded."""
        self._since = time.monotonic()

    def count(self, n: int) -> None:
        now = time.monotonic()
        self._done, self._seconds, self._since = (
            self._done + n,
            self._seconds + now - self._since,
            now,
        )
        self._advance(n)
        seconds, is_sample = self._seconds, self._done >= self.SAMPLE_IMAGES
        if not self._noted and is_sample and seconds > self.SAMPLE_S:
            self._noted = True
            self._note(seconds * self._total / self._done)


def _without_corrupt(evaluation: Evaluation, outcome: CellOutcome) -> CellOutcome:
    """Return the outcome in which images that cannot be decoded count as wrong, as in the test."""
    tested = evaluation.planned.result.outcome
    assert tested is not None
    corrupt_files = tested.top1[evaluation.empty.position] < 0
    top1 = np.where(corrupt_files, -1, outcome.top1).astype(np.int16)
    confidence = np.where(corrupt_files, 0, outcome.confidence).astype(np.float32)
    return CellOutcome(top1, confidence)


def _check_clean(evaluation: Evaluation, outcome: CellOutcome) -> None:
    """Raise RunError if the network is not the one that made the run's predictions."""
    tested = evaluation.planned.result.outcome
    assert tested is not None
    others = int((tested.top1[evaluation.empty.position] != outcome.top1).sum())
    if others > max(1, _RECORD_SHARE * len(outcome.top1)):
        raise RunError(
            f"{evaluation.planned.result.run.folder}: the network gives {others} of "
            f"{len(outcome.top1)} clean test images another class than predictions.npz holds"
        )
