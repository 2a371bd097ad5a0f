"""Runs like those of a training, with simulated predictions on changed images beside them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cnncompare.runs.robustness_file import (
    GENERATED,
    Cell,
    CellOutcome,
    SavedCells,
    cells_file,
    write_cells,
)
from cnncompare.runs.run import Run
from tests.comparison.factory import simulate, write_run

CELLS = [(name, severity) for name in ("gaussian_noise", "contrast") for severity in (1, 3, 5)]


def write_cells_of(
    folder: Path,
    correct: Mapping[Cell, NDArray[np.bool_]],
    suite: str = GENERATED,
    about: Mapping[str, object] | None = None,
) -> None:
    """Write predictions on changed images that are right where `correct` [N] states it."""
    run = Run.read(folder)
    label = run.predictions().label
    assert run.record.data is not None
    identity = {"fingerprint": run.record.data.fingerprint, "weights": None, "n_set": len(label)}
    cells = {
        cell: CellOutcome(
            np.where(right, label, (label + 1) % 10).astype(np.int16),
            np.full(len(label), 0.8, dtype=np.float32),
        )
        for cell, right in correct.items()
    }
    saved = SavedCells(identity | dict(about or {}), label, np.arange(len(label)), cells)
    write_cells(folder / cells_file(suite, None), saved)


def write_robust_study(root: Path, models: dict[str, tuple[float, float]], seeds: int = 2) -> None:
    """Write runs of each model with an accuracy on clean and one on corrupted images."""
    rng = np.random.default_rng(3)
    clean = simulate(rng, {m: a for m, (a, _) in models.items()}, seeds=seeds, n=400)
    for model, (_, corrupted) in models.items():
        for seed in range(seeds):
            folder = write_run(root, model, seed, clean[model][seed])
            falls = {1: 0.1, 3: 0.0, 5: -0.1}
            cells = {
                (name, level): rng.random(400) < corrupted + falls[level] for name, level in CELLS
            }
            write_cells_of(folder, cells)
