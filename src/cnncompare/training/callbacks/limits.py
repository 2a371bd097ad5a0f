"""Ends of a training at its last optimizer step or after a time, with a validation."""

from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback, Timer


class StepLimit(Callback):
    """Ends the training with the last of `max_steps` steps as an early stop, which validates it.

    Lightning's own max_steps ends it without a validation, and repeats the end of an epoch when a
    training is resumed there.
    """

    def __init__(self, max_steps: int) -> None:
        self.max_steps = max_steps

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop at once if the training was interrupted after its last step."""
        self._stop(trainer)

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        self._stop(trainer)

    def _stop(self, trainer: pl.Trainer) -> None:
        if trainer.global_step >= self.max_steps:
            trainer.should_stop = True


class TimeLimit(Timer):
    """Ends the training after `max_time`, DD:HH:MM:SS, with a validation of the unfinished epoch.

    The time before an interruption counts. `reached` tells whether the time ended the training.
    """

    def __init__(self, max_time: str) -> None:
        super().__init__(max_time, verbose=False)
        self.reached = False

    def on_fit_start(self, trainer: pl.Trainer, *args: Any, **kwargs: Any) -> None:
        super().on_fit_start(trainer, *args, **kwargs)
        self._note(trainer)

    def on_train_batch_end(self, trainer: pl.Trainer, *args: Any, **kwargs: Any) -> None:
        if not trainer.should_stop:  # by another callback
            super().on_train_batch_end(trainer, *args, **kwargs)
            self._note(trainer)

    def _note(self, trainer: pl.Trainer) -> None:
        if trainer.should_stop:
            self.reached = True
            trainer.check_val_every_n_epoch = 1
