"""Journal of the tested images on disk, from which an interrupted test resumes."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cnncompare.runs.run import journal_file
from cnncompare.runs.storage import naming

FLUSH_S = 5.0  # a killed process loses at most this much work
FIELDS = {"indices": "<i4", "labels": "<i2", "confidence": "<f4", "losses": "<f4"}
TORCH_DTYPES = {"indices": np.int64, "labels": np.int64, "top5": np.int64}  # others: float32


class EvaluationJournal:
    """A file of the images that one rank has tested, appended to every few seconds.

    The tensors are those of `PredictionWriter`: `indices`, `labels` int64 [B], `top5` int64
    [B, width], `confidence` and `losses` float32 [B]. A row cut short by a kill is dropped.
    """

    def __init__(
        self, folder: Path, rank: int, width: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.path = folder / journal_file(rank)
        self._row = np.dtype([*FIELDS.items(), ("top5", "<i2", (width,))])
        self._pending: list[dict[str, Tensor]] = []
        self._clock = clock
        self._flushed_at = clock()

    def read(self, n: int) -> dict[str, Tensor] | None:
        """Return the tested images; None without a file, or if it does not fit `n` test images."""
        if not self.path.exists():
            return None
        content = self.path.read_bytes()
        complete = len(content) - len(content) % self._row.itemsize
        rows: NDArray[np.void] = np.frombuffer(content[:complete], self._row)
        if not _are_distinct_positions(rows["indices"], n):
            return None
        os.truncate(self.path, complete)
        return {
            name: torch.from_numpy(rows[name].astype(TORCH_DTYPES.get(name, np.float32)))
            for name in rows.dtype.names or ()
        }

    def add(self, batch: dict[str, Tensor]) -> None:
        """Add a tested batch; it reaches the disk within `FLUSH_S` or at the next `flush`."""
        self._pending.append(batch)
        if self._clock() - self._flushed_at >= FLUSH_S:
            self.flush()

    def flush(self) -> None:
        """Append the pending batches to the file and flush it to disk."""
        content = b"".join(self._rows(batch).tobytes() for batch in self._pending)
        self._pending = []
        self._flushed_at = self._clock()
        if content:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with naming(self.path), self.path.open("ab") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())

    def _rows(self, batch: dict[str, Tensor]) -> NDArray[np.void]:
        rows = np.empty(len(batch["indices"]), self._row)
        for name in self._row.names or ():
            rows[name] = batch[name].cpu().numpy()
        return rows


def _are_distinct_positions(positions: NDArray[np.int32], n: int) -> bool:
    if not len(positions):
        return True
    is_within = positions.min() >= 0 and positions.max() < n
    return bool(is_within) and len(np.unique(positions)) == len(positions)
