"""PredictionWriter: what was predicted for each test image, each exactly once."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor

from cnncompare.errors import RunError
from cnncompare.runs.run import PREDICTIONS
from cnncompare.runs.storage import write_atomically
from cnncompare.training.callbacks.evaluation_journal import Journal

Parts = dict[str, Tensor]


class PredictionWriter(pl.Callback):
    """Writes predictions.npz after the test, in the data set's own order.

    `test_step` returns `indices` int64 [B], the places in the test set, `labels` int64 [B],
    `top5` int64 [B, min(5, classes)], `confidence` float [B]; the data module knows `n_test`.
    With a journal, what an earlier process tested counts as well.
    """

    def __init__(self, run_folder: Path, journal: Journal | None = None) -> None:
        self.everything: Parts = {}  # of every device, in the data set's own order, after the test
        self._path = run_folder / PREDICTIONS
        self._journal = journal
        self._batches: list[Parts] = []

    def on_test_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        earlier = self._journal and self._journal.read(_n_test(trainer))
        self._batches = [earlier] if earlier else []

    def on_test_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, *_: Any, **__: Any
    ) -> None:
        self._batches.append(outputs)  # left on the device: fetching each would wait for it
        if self._journal is not None:
            self._journal.add(outputs)

    def on_test_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Gather over the devices; raises RunError unless each test image came exactly once."""
        mine = _joined(self._batches)
        everything = _gathered(_once(mine) if self._journal is not None else mine)
        self._batches = []
        _check_complete(everything["indices"], _n_test(trainer))
        order = everything["indices"].argsort()
        self.everything = {name: tensor[order] for name, tensor in everything.items()}
        if trainer.is_global_zero:
            write_predictions(self._path, self.everything)

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        if self._journal is not None:
            self._journal.flush()


def _n_test(trainer: pl.Trainer) -> int:
    n_test: int = trainer.datamodule.n_test  # type: ignore[attr-defined]
    return n_test


def _joined(batches: list[Parts]) -> Parts:
    """Return one tensor of each kind, in this process's memory."""
    names = batches[0] if batches else ()
    return {name: torch.cat([batch[name].cpu() for batch in batches]) for name in names}


def _once(parts: Parts) -> Parts:
    """Return each image once: a test that goes on makes a batch anew where none was left."""
    places = parts["indices"].tolist()
    rows = list({place: row for row, place in enumerate(places)}.values())
    return {name: tensor[rows] for name, tensor in parts.items()}


def _gathered(mine: Parts) -> Parts:
    """Return everything from every process; their numbers of images may differ."""
    if not torch.distributed.is_initialized():
        return mine
    all_parts: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(all_parts, mine)
    return _joined([parts for parts in all_parts if parts])


def _check_complete(indices: Tensor, n_test: int) -> None:
    counts = torch.bincount(indices, minlength=n_test)
    if len(counts) == n_test and bool((counts == 1).all()):
        return
    raise RunError(
        f"the test must see each of {n_test} images once: it saw {len(indices)}, "
        f"{int((counts > 1).sum())} of them more than once, "
        f"{int((counts[:n_test] == 0).sum())} not at all, {len(counts) - n_test} beyond the last"
    )


def write_predictions(path: Path, everything: Parts) -> None:
    """Write the labels, the five best classes and the confidences as predictions.npz."""
    file = io.BytesIO()
    np.savez_compressed(
        file,
        label=everything["labels"].numpy().astype(np.int16),
        top5=everything["top5"].numpy().astype(np.int16),
        confidence=everything["confidence"].float().numpy(),
    )
    write_atomically(path, file.getvalue())
