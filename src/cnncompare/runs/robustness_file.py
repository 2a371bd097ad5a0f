"""Predictions of a finished run on changed test images, in a file beside its record.

A cell is one corruption in one severity. The record of the run stays as it is; the file states the
weights that predicted, so that it is not used for others. Imports no torch.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnncompare.errors import DataError, first_line
from cnncompare.runs.checksums import checksums_of
from cnncompare.runs.run import CHECKPOINTS, UNREADABLE_ARRAYS, Run, tested_checkpoint
from cnncompare.runs.storage import write_atomically
from cnncompare.system import strict_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

GENERATED, CIFAR10_C, CIFAR10_1 = "generated", "cifar10-c", "cifar10.1"
SUITES = {
    GENERATED: "robustness",
    CIFAR10_C: "robustness-cifar10-c",
    CIFAR10_1: "robustness-cifar10.1",
}
"""The start of the file's name by the set of images."""

Cell = tuple[str, int]
"""A corruption and its severity, 1 to 5."""
CLEAN: Cell = ("clean", 0)


@dataclass(frozen=True, eq=False)
class CellOutcome:
    """The best class of each image, int16 [N], -1 for none, and its confidence, float32 [N]."""

    top1: "NDArray[np.int16]"
    confidence: "NDArray[np.float32]"


@dataclass(frozen=True, eq=False)
class SavedCells:
    """The predictions of a run for N images of a set, by cell.

    `about` identifies weights and images. `label` is int16 [N]; `position`, int64 [N], are the
    images' positions in the whole set, which has `about["n_set"]` images.
    """

    about: Mapping[str, Any]
    label: "NDArray[np.int16]"
    position: "NDArray[np.int64]"
    cells: Mapping[Cell, CellOutcome] = field(default_factory=dict)

    def with_cell(self, cell: Cell, outcome: CellOutcome) -> "SavedCells":
        """Return these predictions and those of one cell more."""
        return replace(self, cells={**self.cells, cell: outcome})


def cells_file(suite: str, limit: int | None) -> str:
    """Return the name of the file in a run's folder; `limit` is the number of images if not all."""
    return f"{SUITES[suite]}{'' if limit is None else f'-limit{limit}'}.npz"


def weights_of(run: Run) -> str:
    """Return what identifies the tested weights: the checkpoint's SHA-256, or pretrained weights.

    Raises DataError if the checkpoint is missing or was changed after the run had ended.
    """
    if run.record.evaluation is not None:
        return f"pretrained {run.record.model.pretrained if run.record.model else None}"
    name = f"{CHECKPOINTS}/{tested_checkpoint(run.record)}"
    if not (run.folder / name).is_file():
        raise DataError(f"{run.folder / name}: there is no such file; the run has no weights")
    run.check_tested_checkpoint()
    return run.record.files.get(name) or checksums_of(run.folder, [name])[name]


def recorded_weights(run: Run) -> str | None:
    """Return the same from the record alone, None if it has no checksum of the checkpoint."""
    if run.record.evaluation is not None:
        return weights_of(run)
    return run.record.files.get(f"{CHECKPOINTS}/{tested_checkpoint(run.record)}")


def read_cells(path: Path) -> SavedCells | None:
    """Return the saved predictions, None without the file; raises DataError if it is corrupt."""
    import numpy as np

    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return _saved_cells(arrays)
    except UNREADABLE_ARRAYS as error:
        raise DataError(f"{path}: cannot be read: {first_line(error)}") from None


def _saved_cells(arrays: Any) -> SavedCells:
    label, position = arrays["label"], arrays["position"]
    about = strict_json.loads(str(arrays["about"]))
    names = [str(name) for name in arrays["cells"]]
    top1, confidence = arrays["top1"], arrays["confidence"]
    shape = (len(names), len(label))
    if not top1.shape == confidence.shape == shape or position.shape != label.shape:
        raise ValueError(f"{len(names)} cells of {len(label)} images do not fit {top1.shape}")
    kinds = "".join(array.dtype.kind for array in (label, position, top1, confidence))
    if kinds != "iiif":
        raise ValueError(f"arrays of kinds {kinds}, not iiif")
    if not isinstance(about, dict):
        raise ValueError("it does not state its weights")
    cells = {
        _cell(name): CellOutcome(*rows) for name, *rows in zip(names, top1, confidence, strict=True)
    }
    return SavedCells(about, label, position, cells)


def _cell(name: str) -> Cell:
    corruption, _, severity = name.rpartition("-")
    return corruption, int(severity)


def write_cells(path: Path, saved: SavedCells) -> None:
    """Write the file atomically; raises OSError."""
    import numpy as np

    file = io.BytesIO()
    shape = (len(saved.cells), len(saved.label))
    outcomes = list(saved.cells.values())
    np.savez(
        file,
        about=np.array(strict_json.dumps(dict(saved.about))),
        label=saved.label,
        position=saved.position,
        cells=np.array([f"{name}-{severity}" for name, severity in saved.cells]),
        top1=np.array([o.top1 for o in outcomes], dtype=np.int16).reshape(shape),
        confidence=np.array([o.confidence for o in outcomes], dtype=np.float32).reshape(shape),
    )
    write_atomically(path, file.getvalue())
