"""Predictions of the test images, saved exactly once each."""

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
from cnncompare.training.callbacks.evaluation_journal import EvaluationJournal

Outputs = dict[str, Tensor]  # as returned by `test_step`, with one row per image


class PredictionWriter(pl.Callback):
    """Writes predictions.npz after the test, in the data set's order.

    `test_step` returns `indices` int64 [B], the positions in the test set, `labels` int64 [B],
    `top5` int64 [B, min(5, classes)] and `confidence` float [B]; the data module has `n_test`,
    and `pool_positions` if they are a fold or hold-out.
    Images in the journal, tested before an interruption, are included.
    """

    def __init__(self, run_folder: Path, journal: EvaluationJournal | None = None) -> None:
        self.outputs: Outputs = {}  # after the test: of all ranks, in the data set's order
        self._path = run_folder / PREDICTIONS
        self._journal = journal
        self._batches: list[Outputs] = []

    def on_test_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        earlier = self._journal and self._journal.read(_n_test(trainer))
        self._batches = [earlier] if earlier else []

    def on_test_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, *_: Any, **__: Any
    ) -> None:
        self._batches.append(outputs)  # stays on the device, since copying would synchronise
        if self._journal is not None:
            self._journal.add(outputs)

    def on_test_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Gather the outputs of all ranks; raises RunError unless each image occurs once."""
        local = _concatenate(self._batches)
        outputs = _gather(local if self._journal is None else _without_repetitions(local))
        self._batches = []
        _check_complete(outputs["indices"], _n_test(trainer))
        order = outputs["indices"].argsort()
        self.outputs = {name: tensor[order] for name, tensor in outputs.items()}
        if trainer.is_global_zero:
            write_predictions(self._path, self.outputs, _pool_positions(trainer))

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        if self._journal is not None:
            self._journal.flush()


def _n_test(trainer: pl.Trainer) -> int:
    n_test: int = trainer.datamodule.n_test  # type: ignore[attr-defined]
    return n_test


def _pool_positions(trainer: pl.Trainer) -> Tensor | None:
    """Return the test images' positions among all images, if they are a fold or hold-out."""
    return getattr(trainer.datamodule, "pool_positions", None)  # type: ignore[attr-defined]


def _concatenate(batches: list[Outputs]) -> Outputs:
    """Return one tensor per name, in the memory of this process."""
    names = batches[0] if batches else ()
    return {name: torch.cat([batch[name].cpu() for batch in batches]) for name in names}


def _without_repetitions(outputs: Outputs) -> Outputs:
    """Return each image once: a rank without remaining images repeats a batch after resuming."""
    positions = outputs["indices"].tolist()
    rows = list({position: row for row, position in enumerate(positions)}.values())
    return {name: tensor[rows] for name, tensor in outputs.items()}


def _gather(local: Outputs) -> Outputs:
    """Return the outputs of all ranks, whose numbers of images may differ."""
    if not torch.distributed.is_initialized():
        return local
    gathered: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(gathered, local)
    return _concatenate([outputs for outputs in gathered if outputs])


def _check_complete(indices: Tensor, n_test: int) -> None:
    counts = torch.bincount(indices, minlength=n_test)
    if len(counts) == n_test and bool((counts == 1).all()):
        return
    raise RunError(
        f"expected each of {n_test} test images once: found {len(indices)}, "
        f"{int((counts > 1).sum())} of them more than once, "
        f"{int((counts[:n_test] == 0).sum())} missing, {len(counts) - n_test} beyond the last"
    )


def write_predictions(path: Path, outputs: Outputs, index: Tensor | None = None) -> None:
    """Write labels, the five best classes and confidences as predictions.npz.

    `index`, int64 [N], is stored if the test images are a fold or hold-out: their positions among
    all images of the data set.
    """
    file = io.BytesIO()
    positions: dict[str, Any] = {} if index is None else {"index": index.numpy()}
    np.savez_compressed(
        file,
        label=outputs["labels"].numpy().astype(np.int16),
        top5=outputs["top5"].numpy().astype(np.int16),
        confidence=outputs["confidence"].float().numpy(),
        **positions,
    )
    write_atomically(path, file.getvalue())
