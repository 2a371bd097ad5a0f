"""Ctrl-C and SIGTERM: finish the current batch, then stop, so that the record can say so."""

import signal
from types import FrameType, TracebackType
from typing import Any, Self

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from cnncompare.errors import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption(Callback):
    """While entered, turns a signal into Interrupted: at a batch's end, or at once outside a loop.

    A second signal stops at once. Slurm sends SIGTERM before a job's time runs out.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self.in_loop = False
        self._earlier: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._earlier = {number: signal.signal(number, self._handle) for number in SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._earlier.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if not self.in_loop or self.received is not None:
            raise Interrupted(number)
        self.received = number

    def _enter_loop(self) -> None:
        """Take the signals back from Lightning, which would end the process with exit code 0."""
        self.in_loop = True
        for number in self._earlier:
            signal.signal(number, self._handle)

    def _stop_if_asked(self) -> None:
        if self.received is not None:
            raise Interrupted(self.received)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._enter_loop()

    def on_train_batch_end(self, *_: Any) -> None:
        self._stop_if_asked()

    def on_validation_batch_end(self, *_: Any, **__: Any) -> None:
        self._stop_if_asked()

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.in_loop = False
        self._stop_if_asked()

    def on_test_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._enter_loop()

    def on_test_batch_end(self, *_: Any, **__: Any) -> None:
        self._stop_if_asked()

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.in_loop = False
        self._stop_if_asked()

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        self.in_loop = False
