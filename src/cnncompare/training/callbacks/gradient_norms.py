"""Norms of the gradients of each layer's weights, by epoch."""

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import Tensor, nn
from torch.optim import Optimizer

from cnncompare.extensions.kinds import register_callback
from cnncompare.runs.gradient_columns import PREFIX


@register_callback("gradient_norms")
class GradientNorms(Callback):
    """Logs the mean over an epoch's steps of the norm of each weight's gradient.

    Weights are those of convolutions and fully connected layers; the columns of epochs.csv are
    named ``grad_norm.LAYER``. The gradient is that of the optimizer's step, before clipping. It is
    measured at every `every`-th step of an epoch, the first included.
    """

    def __init__(self, every: int = 1) -> None:
        self.every = every
        self._sums: dict[str, Tensor] = {}
        self._measured = self._steps = 0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._sums, self._measured, self._steps = {}, 0, 0

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Optimizer
    ) -> None:
        self._steps += 1
        if (self._steps - 1) % self.every:
            return
        self._measured += 1
        for name, gradient in _gradients(pl_module.network):  # type: ignore[arg-type]
            norm = torch.linalg.vector_norm(gradient)
            self._sums[name] = self._sums[name] + norm if name in self._sums else norm

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        for name, total in self._sums.items():
            pl_module.log(f"{PREFIX}{name}", total / self._measured, logger=False)


def _gradients(network: nn.Module) -> list[tuple[str, Tensor]]:
    """Return the gradient of each layer's weights, in the order of the layers."""
    return [
        (name or "weight", module.weight.grad.detach())
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear) and module.weight.grad is not None
    ]
