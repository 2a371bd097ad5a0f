"""Checkpoints: atomic writing, and selection of best and last."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.plugins.io import TorchCheckpointIO

from cnncompare.models.checkpoint import save_to
from cnncompare.runs.run import BEST_CHECKPOINT, LAST_CHECKPOINT
from cnncompare.runs.storage import naming, sync_folder

WEIGHTS = ("state_dict", "epoch", "global_step", "pytorch-lightning_version")  # of best.ckpt


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes a new file next to the old one, flushes it to disk, and replaces the old one.

    Lightning writes to the system's temporary folder first. That is often on another file system,
    and moving the file from there is a copy, which a kill can interrupt. `best.ckpt` holds the
    weights alone, because only `last.ckpt` resumes a run. Lightning's own `save_weights_only` would
    skip the callback that replaces them by the averaged weights.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any = None
    ) -> None:
        target = Path(path)
        if target.name == BEST_CHECKPOINT:
            checkpoint = {key: checkpoint[key] for key in WEIGHTS if key in checkpoint}
        target.parent.mkdir(parents=True, exist_ok=True)
        new = target.with_name(f".{target.name}.new")
        with naming(target):
            with new.open("wb") as file:
                save_to(file, checkpoint)
                file.flush()
                os.fsync(file.fileno())
            os.replace(new, target)
            sync_folder(target.parent)


class BestAndLastCheckpoint(ModelCheckpoint):
    """Saves the best epoch by the monitored metric, and `last.ckpt` after every epoch.

    `ModelCheckpoint(monitor=..., save_last=True)` writes `last.ckpt` only together with a new
    best. This is one callback, not two, because Lightning calls each callback six times per step.
    An epoch without a validation is no candidate for the best. `saved` is called after each epoch,
    when `last.ckpt` contains it.
    """

    _validated = False

    def __init__(self, *, saved: Callable[[pl.Trainer], None], **settings: Any) -> None:
        super().__init__(**settings)
        self._saved = saved

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        super().on_validation_end(trainer, pl_module)
        self._validated = not trainer.sanity_checking

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._validated:  # first: last.ckpt contains the best score
            super().on_train_epoch_end(trainer, pl_module)
        self._validated = False
        trainer.save_checkpoint(Path(str(self.dirpath)) / LAST_CHECKPOINT)
        self._saved(trainer)
