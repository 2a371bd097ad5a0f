"""Progress display: a bar with the remaining time, and one line per finished epoch."""

import logging
import time
from typing import Any

import pytorch_lightning as pl
from rich.cells import cell_len
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn
from rich.progress import Progress as Bar

from cnncompare.language.catalogue import in_language, tr, trc
from cnncompare.terminal.console import make_console, progress_mode
from cnncompare.terminal.epoch_line import epoch_line
from cnncompare.terminal.formatting import duration, percent
from cnncompare.training.callbacks.epoch_recorder import EpochRecorder

log = logging.getLogger("cnncompare")

_LOG_WIDTH = 1000  # characters; no column is omitted
REFRESH_S = 0.25  # reading the loss synchronises with the device, so it is not done per step


class Progress(pl.Callback):
    """Shows the progress of a run, on rank 0 only.

    `mode` is auto, bar, lines or off. The lines show the rows of the EpochRecorder, which comes
    earlier in the trainer's list of callbacks. Each begins with `title`, the name of a sweep's
    job, unless a bar is shown, above which the sweep prints the title.
    """

    def __init__(self, mode: str, title: str = "") -> None:
        self.mode = progress_mode(mode)
        self._prefix = f"{title}  " if title and self.mode != "bar" else ""
        self.console = make_console()
        self._bar: Bar | None = None
        self._task = TaskID(0)
        self._refreshed = 0.0
        self._started = 0.0
        self._first_epoch = 0
        self._val_acc1: float | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._started, self._first_epoch = time.monotonic(), trainer.current_epoch
        self._open(trainer)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        total = trainer.num_training_batches + sum(trainer.num_val_batches)
        name = tr("epoch {number}", number=f"{trainer.current_epoch + 1}/{trainer.max_epochs}")
        self._restart(name, total)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self._due():
            sums = pl_module.train_sums  # of this rank only, to avoid communication
            loss = float(sums.loss_sum) / max(1, int(sums.n))
            epochs_done = trainer.current_epoch - self._first_epoch
            self._show(
                batch_idx + 1,
                remaining=self._remaining(
                    trainer, epochs_done + (batch_idx + 1) / trainer.num_training_batches
                ),
                results=tr(
                    "loss {loss:.3f}  val {accuracy}", loss=loss, accuracy=percent(self._val_acc1)
                ),
            )

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if not trainer.sanity_checking and self._due():
            self._show(int(trainer.num_training_batches) + batch_idx + 1)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        recorders = [c for c in trainer.callbacks if isinstance(c, EpochRecorder)]  # type: ignore[attr-defined]
        if not trainer.is_global_zero or not recorders:
            return
        row = recorders[0].rows[-1]
        self._val_acc1 = row["val_acc1"]
        with in_language("en"):  # programs read the file
            log.info("%s", epoch_line(row, trainer.max_epochs or 0, _LOG_WIDTH))
        if self.mode == "off":
            return
        width = self.console.width - cell_len(self._prefix)
        line = self._prefix + epoch_line(row, trainer.max_epochs or 0, width)
        (self._bar.console if self._bar else self.console).print(line, soft_wrap=True, markup=False)

    def on_test_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._open(trainer)
        self._restart(trc("split", "test"), sum(trainer.num_test_batches))

    def on_test_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if self._due():
            self._show(batch_idx + 1)

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        self._close()

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        self._close()

    def _open(self, trainer: pl.Trainer) -> None:
        if self.mode != "bar" or not trainer.is_global_zero:
            return
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[remaining]}"),
            TextColumn("{task.fields[results]}"),
            console=self.console,
            auto_refresh=False,  # a refresh thread would disturb the measured times
            transient=True,
            expand=True,
        )
        self._task = self._bar.add_task("", remaining="", results="")
        self._bar.start()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _restart(self, name: str, total: float) -> None:
        if self._bar is not None:
            self._bar.update(self._task, description=name, total=total, completed=0)
            self._bar.refresh()

    def _due(self) -> bool:
        now = time.monotonic()
        if self._bar is None or now - self._refreshed < REFRESH_S:
            return False
        self._refreshed = now
        return True

    def _show(self, completed: int, **fields: Any) -> None:
        if self._bar is not None:
            self._bar.update(self._task, completed=completed, **fields)
            self._bar.refresh()

    def _remaining(self, trainer: pl.Trainer, epochs_done: float) -> str:
        """Return the remaining time at the average speed so far."""
        epochs = (trainer.max_epochs or 0) - self._first_epoch
        seconds = (time.monotonic() - self._started) * (epochs / epochs_done - 1)
        return tr("{time} left", time=duration(round(seconds)))
