"""A run's folder, its file names, and reading and writing its record; imports no torch."""

import csv
import io
import struct
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from cnncompare.errors import DataError, first_line
from cnncompare.runs.checksums import (
    check_content,
    check_file,
    checksums_of,
    take_checksum,
    with_checksum,
)
from cnncompare.runs.record import LAST_EPOCH, RunRecord
from cnncompare.runs.record_section import RecordSection
from cnncompare.runs.storage import ASIDE, write_atomically
from cnncompare.system import strict_json

if TYPE_CHECKING:  # importing numpy takes 0.1 s, which a configuration error can do without
    import numpy as np
    from numpy.typing import NDArray

RECORD = "run.json"
CONFIG = "config.yaml"
CLASSES = "classes.json"
DATA_FILES = "data_files.json"  # states of own image files, to notice changes
EPOCHS = "epochs.csv"
SPLIT = "split.csv"  # of data without fixed splits
PREDICTIONS = "predictions.npz"
PER_CLASS = "per_class.csv"  # precision, recall and F1 on the test images
PER_CLASS_COLUMNS = ("class", "n", "precision", "recall", "f1")
CHECKPOINTS = "checkpoints"
BEST_CHECKPOINT = "best.ckpt"
LAST_CHECKPOINT = "last.ckpt"
LOG = "run.log"
COMPARISON_EVENTS = ".comparison"  # end of the name of the event file that a report writes
UNREADABLE_ARRAYS: tuple[type[Exception], ...] = (
    *(OSError, ValueError, KeyError, EOFError, RuntimeError, MemoryError, OverflowError),
    *(zipfile.BadZipFile, zlib.error, struct.error, TypeError, SyntaxError),
)
"""Errors of NumPy and zipfile for corrupt .npz and .npy files."""
TESTED = "tested"  # folder with the journals of an unfinished test, one per process


def journal_file(rank: int) -> str:
    """Return the name of a process's journal in the folder `TESTED`."""
    return f"tested-{rank}.rows"


def images_file(fingerprint: str) -> str:
    """Return the name of the test images' file, in the folder that contains the run folders."""
    return f"test-images-{fingerprint[:12]}.npy"


@dataclass(frozen=True)
class Predictions:
    """Predictions for the test images, in the data set's order.

    `label` int16 [N]; `top5` int16 [N, min(5, classes)], best first; `confidence` float32 [N],
    the predicted probability of the first class. `index` int64 [N] is None unless the images are
    a fold or hold-out: their positions among all images of the data set.
    """

    label: "NDArray[np.int16]"
    top5: "NDArray[np.int16]"
    confidence: "NDArray[np.float32]"
    index: "NDArray[np.int64] | None" = None


def tested_checkpoint(record: RunRecord) -> str:
    """Return the file name of the checkpoint with the weights that were tested."""
    training = record.training
    last = training is not None and training.selection == LAST_EPOCH
    return LAST_CHECKPOINT if last else BEST_CHECKPOINT


def selected_accuracy(run: "Run") -> float | None:
    """Return the validation accuracy of the epoch that a test evaluates; None without one."""
    if tested_checkpoint(run.record) == BEST_CHECKPOINT:
        return run.record.best.val_acc1
    validated = [row["val_acc1"] for row in run.epochs() if row["val_acc1"] is not None]
    return validated[-1] if validated else None


class Run:
    """A run folder and its record, which `change` alone replaces; `runs.lifecycle` decides when."""

    def __init__(self, folder: Path, record: RunRecord) -> None:
        self.folder = folder
        self.record = record
        self._session_started: float | None = None  # of the clock that no one sets; s
        self._earlier_s: float | None = None

    @classmethod
    def read(cls, folder: Path) -> "Run":
        """Read the run in `folder`; raises DataError if its record is missing or invalid."""
        path = folder / RECORD
        try:
            text = path.read_bytes()
            content = strict_json.loads(text)
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error.strerror}") from None
        except ValueError as error:
            raise DataError(f"{path}: not a run record: {error}") from None
        if isinstance(content, dict):
            take_checksum(path, text, content)
            if b"\\ud" in text:  # an escape of half a character, such as in a name of a file
                content = strict_json.printable(content)
        schema = content.get("schema") if isinstance(content, dict) else None
        if schema != 1:
            raise DataError(f"{path}: schema {schema!r} is unknown; this version reads 1")
        try:
            return cls(folder, RunRecord.model_validate(content))
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(map(str, first["loc"]))
            raise DataError(f"{path}: {key}: {first['msg'].lower()}") from None

    def save(self) -> None:
        """Write run.json atomically."""
        content = with_checksum(self.record.model_dump(by_alias=True))
        write_atomically(
            self.folder / RECORD, (strict_json.dumps(content, indent=2) + "\n").encode()
        )

    def change(self, **changes: Any) -> None:
        """Replace fields of the record and write it; a dictionary changes fields of a section."""
        values = dict(self.record)
        for name, value in changes.items():
            section = values[name]
            merges = isinstance(value, dict) and isinstance(section, RecordSection)
            values[name] = type(section)(**dict(section) | value) if merges else value
        self.record = RunRecord.model_validate(values)
        self.save()

    def start_session(self) -> None:
        """Start to measure the time of this process's work on the run, unless it is measured."""
        if self._session_started is None:
            self._earlier_s = self._sessions_s()
            self._session_started = time.monotonic()

    def duration_s(self) -> float | None:
        """Return the seconds of all sessions together, without the pauses between them.

        None if none was measured.
        """
        if self._session_started is None:
            return self._sessions_s()
        return (self._earlier_s or 0.0) + time.monotonic() - self._session_started

    def _sessions_s(self) -> float | None:
        """Return the seconds of the ended sessions; a killed one counts with its epochs."""
        epochs_s = 0.0
        with suppress(DataError, OSError):
            epochs_s = sum((r.get("train_s") or 0) + (r.get("val_s") or 0) for r in self.epochs())
        return max(self.record.wall_s or 0.0, epochs_s) or None

    @property
    def classes(self) -> list[str]:
        """The names of the classes in label order; raises DataError if they cannot be read."""
        path = self.folder / CLASSES
        try:
            names = strict_json.loads(self.read_file(CLASSES))
        except ValueError as error:
            raise DataError(f"{path}: cannot be read: {error}") from None
        expected = self.record.data.classes if self.record.data else None
        if not isinstance(names, list) or len(names) != expected:
            raise DataError(f"{path}: not a list of {expected} class names")
        return [str(name) for name in names]

    def epochs(self) -> list[dict[str, float | None]]:
        """Return the rows of epochs.csv, with None for empty cells; no rows without the file."""
        path = self.folder / EPOCHS
        if not path.exists():
            return []
        try:
            text = self.read_file(EPOCHS).decode()
            return [
                {key: float(cell) if cell else None for key, cell in row.items()}
                for row in csv.DictReader(io.StringIO(text, newline=""))
            ]
        except (ValueError, TypeError, csv.Error) as error:
            raise DataError(f"{path}: not a table of numbers: {error}") from None

    def per_class(self) -> list[dict[str, str]]:
        """Return the rows of per_class.csv; none if it is missing or cannot be read."""
        try:
            text = self.read_file(PER_CLASS).decode()
            rows = csv.DictReader(io.StringIO(text, newline=""))
            return list(rows) if set(PER_CLASS_COLUMNS) <= set(rows.fieldnames or ()) else []
        except (DataError, ValueError, csv.Error):
            return []

    def predictions(self) -> Predictions:
        """Return the saved predictions; raises DataError if they are missing or invalid."""
        import numpy as np

        content = self.read_file(PREDICTIONS)
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                index = arrays["index"] if "index" in arrays.files else None
                return Predictions(arrays["label"], arrays["top5"], arrays["confidence"], index)
        except UNREADABLE_ARRAYS as error:
            path = self.folder / PREDICTIONS
            raise DataError(f"{path}: cannot be read: {first_line(error)}") from None

    def read_file(self, name: str) -> bytes:
        """Return the content of a file of the folder.

        Raises DataError if it cannot be read, or was changed after the run had ended.
        """
        path = self.folder / name
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error.strerror}") from None
        check_content(path, content, self.record.files.get(name))
        return content

    def check_tested_checkpoint(self) -> Path:
        """Return the path of the checkpoint that was tested.

        Raises DataError if it was changed after the run had ended.
        """
        name = f"{CHECKPOINTS}/{tested_checkpoint(self.record)}"
        check_file(self.folder / name, self.record.files.get(name))
        return self.folder / name

    def closing_checksums(self) -> dict[str, str]:
        """Return the SHA-256 of each file that no longer changes once the run has ended."""
        checkpoint = f"{CHECKPOINTS}/{tested_checkpoint(self.record)}"
        names = (CONFIG, CLASSES, SPLIT, EPOCHS, PREDICTIONS, PER_CLASS, checkpoint)
        return checksums_of(self.folder, names)


def find_runs(roots: list[Path]) -> Iterator[Path]:
    """Yield the run folders at or below `roots`, sorted, without those that were set aside."""
    for root in roots:
        for path in sorted(root.rglob(RECORD)):
            if ASIDE not in path.parts:
                yield path.parent


def read_existing(folder: Path) -> Run | None:
    """Return the run in `folder`, or None if there is none or its record cannot be read."""
    with suppress(DataError):
        return Run.read(folder)
    return None
