"""Journal: what was tested up to now, on disk, so that an interrupted test goes on from there."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

FLUSH_S = 5.0  # so much work a killed process loses at most
FIELDS = {"indices": "<i4", "labels": "<i2", "confidence": "<f4", "losses": "<f4"}


class Journal:
    """A file of one process's tested images, appended to every few seconds.

    Parts are those of `PredictionWriter`: `indices`, `labels` int64 [B], `top5` int64 [B, width],
    `confidence` and `losses` float32 [B]. A row that a killed process wrote in part is dropped.
    """

    def __init__(
        self, folder: Path, rank: int, width: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.path = folder / f"tested-{rank}.rows"
        self._row = np.dtype([*FIELDS.items(), ("top5", "<i2", (width,))])
        self._waiting: list[dict[str, Tensor]] = []
        self._clock = clock
        self._flushed_at = clock()

    def read(self, n: int) -> dict[str, Tensor] | None:
        """Return what is in the file; None for no file, or one that is not of these `n` images."""
        if not self.path.exists():
            return None
        content = self.path.read_bytes()
        whole = len(content) - len(content) % self._row.itemsize
        rows: NDArray[np.void] = np.frombuffer(content[:whole], self._row)
        places = rows["indices"]
        if len(np.unique(places)) < len(rows) or (len(rows) and not places.min() >= 0):
            return None
        if len(rows) and places.max() >= n:
            return None
        os.truncate(self.path, whole)
        wide = {"indices": np.int64, "labels": np.int64, "top5": np.int64}
        return {
            name: torch.from_numpy(rows[name].astype(wide.get(name, np.float32)))
            for name in rows.dtype.names or ()
        }

    def add(self, batch: dict[str, Tensor]) -> None:
        """Note a tested batch; it is on disk within `FLUSH_S`, or at the next `flush`."""
        self._waiting.append(batch)
        if self._clock() - self._flushed_at >= FLUSH_S:
            self.flush()

    def flush(self) -> None:
        """Append what is waiting to the file, and the file to the disk."""
        content = b"".join(self._rows(batch).tobytes() for batch in self._waiting)
        self._waiting = []
        self._flushed_at = self._clock()
        if content:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())

    def _rows(self, batch: dict[str, Tensor]) -> NDArray[np.void]:
        rows = np.empty(len(batch["indices"]), self._row)
        for name in self._row.names or ():
            rows[name] = batch[name].cpu().numpy()
        return rows
