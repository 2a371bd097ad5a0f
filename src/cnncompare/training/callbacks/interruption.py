"""Interruption by a stop signal at the end of a batch, so that the record can be closed."""

from types import FrameType
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from cnncompare.errors import Interrupted
from cnncompare.system.signals import StopSignalHandler


class Interruption(StopSignalHandler, Callback):
    """Raises Interrupted for a signal: within a loop at the end of the batch, otherwise at once.

    A second signal stops at once. Slurm sends SIGTERM before a job's time limit.
    """

    def __init__(self) -> None:
        super().__init__()
        self.received: int | None = None
        self.in_loop = False

    def handle(self, number: int, frame: FrameType | None) -> None:
        if not self.in_loop or self.received is not None:
            raise Interrupted(number)
        self.received = number

    def _enter_loop(self) -> None:
        """Replace the handlers of Lightning, which would end the process with exit code 0."""
        self.in_loop = True
        self.reinstall()

    def _raise_if_received(self) -> None:
        if self.received is not None:
            raise Interrupted(self.received)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._enter_loop()

    def on_train_batch_end(self, *_: Any) -> None:
        self._raise_if_received()

    def on_validation_batch_end(self, *_: Any, **__: Any) -> None:
        self._raise_if_received()

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.in_loop = False
        self._raise_if_received()

    def on_test_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._enter_loop()

    def on_test_batch_end(self, *_: Any, **__: Any) -> None:
        self._raise_if_received()

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.in_loop = False
        self._raise_if_received()

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        self.in_loop = False
