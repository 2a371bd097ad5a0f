"""Run folders of folds and hold-outs, with simulated predictions."""

from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from tests.comparison.factory import write_run

Indices = NDArray[np.int64]


def deal(n: int, folds: int) -> list[Indices]:
    """Return the images of each fold: every k-th."""
    return [np.arange(n)[fold::folds] for fold in range(folds)]


def write_fold(
    root: Path,
    label: str,
    number: int,
    correct: NDArray[np.bool_],
    index: Indices,
    *,
    seed: int = 0,
    folds: int | None = 5,
    holdout: float | None = None,
    changes: dict[str, Any] | None = None,
) -> Path:
    """Write the run of one fold; `correct` is bool [N] over all images, `index` int64 [n].

    `changes` are to the section `data` of the record.
    """
    n = len(correct)
    drawn = {
        "method": "folds" if holdout is None else "holdouts",
        "number": number,
        "count": folds if holdout is None else None,
        "test_fraction": holdout,
        "n": n,
        "fingerprint": "f" * 64,
    }
    data = {"resampling": drawn, "n_train": n - len(index), "n_val": 0}
    truth = (np.arange(n) % 10).astype(np.int16)
    folder = write_run(
        root / f"{label}-{number}-{seed}",
        label,
        seed,
        correct[index],
        labels=truth[index],
        fingerprint=f"{number:064}",
        changes={"data": data | (changes or {}), "training": {"recipe_hash": label}},
    )
    with np.load(folder / "predictions.npz") as arrays:
        np.savez(folder / "predictions.npz", **dict(arrays), index=index)
    config = yaml.safe_load((folder / "config.yaml").read_text())
    key = {"folds": folds, "fold": number} if holdout is None else {"holdout": number}
    config["data"] |= key
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return folder


def write_folds(
    root: Path, correct: dict[str, NDArray[np.bool_]], folds: int = 5, seed: int = 0
) -> list[Indices]:
    """Write a run per network and fold; return the images of the folds."""
    n = len(next(iter(correct.values())))
    images = deal(n, folds)
    for label, hits in correct.items():
        for number, index in enumerate(images, start=1):
            write_fold(root, label, number, hits, index, seed=seed, folds=folds)
    return images
