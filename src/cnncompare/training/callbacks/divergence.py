"""DivergenceMonitor: ends a training whose loss is not finite, and remembers its first loss."""

import math
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from cnncompare.errors import Diverged

# Reading a loss waits for the device; on a CPU it is free.
STEPS_BETWEEN_READS = 50


class DivergenceMonitor(pl.Callback):
    """Raises Diverged at a training or validation loss that is NaN or infinite.

    On a CPU the loss is read at each step; on other devices, and in a group of processes, which
    must all stop at the same step, every 50 steps and before each validation. `first_loss`, of
    the first step, is kept for the health checks and travels in the checkpoint. `lr` is the
    configured learning rate, `own_lr` the model's own, which the message recommends.
    """

    def __init__(self, lr: float, own_lr: float) -> None:
        self.first_loss: float | None = None
        self._lr = lr
        self._own_lr = own_lr
        self._unread: list[Tensor] = []

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, *_: Any
    ) -> None:
        # Lightning divides the loss of a step by the number of its batches
        self._unread.append(outputs["loss"].detach() * trainer.accumulate_grad_batches)
        at_each_step = trainer.world_size == 1 and self._unread[0].device.type == "cpu"
        if at_each_step or len(self._unread) >= STEPS_BETWEEN_READS:
            self._read(trainer)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._unread:
            self._read(trainer)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        loss = pl_module.val_sums.compute()["loss"]  # type: ignore[operator, union-attr]
        if not trainer.sanity_checking and not math.isfinite(loss):
            raise Diverged(self._message(trainer, "validation", loss, trainer.global_step))

    def state_dict(self) -> dict[str, Any]:
        return {"first_loss": self.first_loss}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.first_loss = state_dict["first_loss"]

    def _read(self, trainer: pl.Trainer) -> None:
        losses = torch.stack(self._unread).float()
        self._unread = []
        if self.first_loss is None:
            self.first_loss = float(losses[0])
        bad = ~losses.isfinite()
        # the first step at which any process saw a bad loss; len(losses) where none did
        first = torch.where(bad.any(), bad.float().argmax(), len(losses)).float()
        if trainer.world_size > 1:
            first = -trainer.strategy.reduce(-first, reduce_op="max")
        index = int(first)
        if index < len(losses):
            later_steps = (len(losses) - index - 1) // trainer.accumulate_grad_batches
            step = trainer.global_step - later_steps
            raise Diverged(self._message(trainer, "training", float(losses[index]), step))

    def _message(self, trainer: pl.Trainer, split: str, loss: float, step: int) -> str:
        return (
            f"the {split} loss is {loss} at step {step}, epoch {trainer.current_epoch + 1}, with "
            f"optimizer.lr={self._lr:g}; the model's own learning rate is {self._own_lr:g}"
        )
