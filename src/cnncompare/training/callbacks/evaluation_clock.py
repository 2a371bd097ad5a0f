"""Duration of a test, and the time it spent waiting for images."""

import time
from collections.abc import Callable

import pytorch_lightning as pl

from cnncompare.system.device_sync import synchronize


class EvaluationClock(pl.Callback):
    """Measures the test from the request of its first batch to the end of its last.

    `wait_s` of the test loader, if present, is the time in seconds spent waiting for batches.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.test_s: float | None = None
        self.data_wait_s: float | None = None
        self._clock = clock
        self._started = 0.0

    def on_test_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        synchronize(trainer.strategy.root_device)
        self._started = self._clock()

    def on_test_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        synchronize(trainer.strategy.root_device)
        self.test_s = self._clock() - self._started
        self.data_wait_s = getattr(trainer.test_dataloaders, "wait_s", None)
