"""Stochastic weight averaging, with the average validated, saved and tested like any weights."""

from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import WeightAveraging
from torch import Tensor

from cnncompare.extensions.kinds import register_callback


@register_callback("swa")
class MeanOfEpochs(WeightAveraging):
    """Averages the weights at the ends of the epochs after `start_fraction` of the training.

    Izmailov et al. 2018. Before that the average is the network itself. Validation uses the
    average, including the epoch that ended, so that the best checkpoint is what was validated.
    Lightning's StochasticWeightAveraging validates the network instead, and trains one epoch more
    for the statistics of batch normalisation; here these are averaged like the weights.
    """

    def __init__(self, start_fraction: float) -> None:
        super().__init__(avg_fn=_mean)
        self.start_fraction = start_fraction

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any
    ) -> None:
        if not trainer.is_last_batch and not trainer.should_stop:
            return
        average = self._average_model
        assert average is not None
        if trainer.current_epoch <= self.start_fraction * (trainer.max_epochs or 0):
            average.n_averaged.zero_()  # the next update copies the weights
        average.update_parameters(pl_module)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Replace the update of the base class, which comes after the validation."""


def _mean(average: Tensor, current: Tensor, n_averaged: Tensor) -> Tensor:
    if not average.is_floating_point():  # the number of batches seen
        return current
    return average + (current - average) / (n_averaged + 1)
