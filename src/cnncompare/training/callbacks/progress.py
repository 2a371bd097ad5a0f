"""Progress: a bar with the time left, and one line that stays for each finished epoch."""

import time
from datetime import timedelta
from typing import Any

import pytorch_lightning as pl
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn
from rich.progress import Progress as Bar

from cnncompare.terminal.console import make_console, progress_mode
from cnncompare.terminal.formatting import number, percent
from cnncompare.training.callbacks.epoch_recorder import EpochRecorder, Row

REFRESH_S = 0.25  # each refresh reads the loss, which waits for the device


class Progress(pl.Callback):
    """Shows how far a run is, from the first process alone.

    `mode` is auto, bar, lines or off. The epochs' lines are the EpochRecorder's rows, so it comes
    before this among the trainer's callbacks.
    """

    def __init__(self, mode: str) -> None:
        self.mode = progress_mode(mode)
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
        name = f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}"
        self._restart(name, total)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self._due():
            totals = pl_module.train_sums  # this process's own: asking the others would wait
            loss = float(totals.loss_sum) / max(1, int(totals.n))
            done = trainer.current_epoch - self._first_epoch
            self._show(
                batch_idx + 1,
                left=self._left(trainer, done + (batch_idx + 1) / trainer.num_training_batches),
                results=f"loss {loss:.3f}  val {percent(self._val_acc1)}",
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
        if self.mode == "off" or not trainer.is_global_zero or not recorders:
            return
        row = recorders[0].rows[-1]
        self._val_acc1 = row["val_acc1"]
        line = epoch_line(row, trainer.max_epochs or 0, self.console.width)
        (self._bar.console if self._bar else self.console).print(line, soft_wrap=True)

    def on_test_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._open(trainer)
        self._restart("test", sum(trainer.num_test_batches))

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
            TextColumn("{task.fields[left]}"),
            TextColumn("{task.fields[results]}"),
            console=self.console,
            auto_refresh=False,  # a thread of its own would run beside what is being timed
            transient=True,
            expand=True,
        )
        self._task = self._bar.add_task("", left="", results="")
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

    def _left(self, trainer: pl.Trainer, epochs_done: float) -> str:
        """Return the time to the end of the training, as it went on average up to now."""
        epochs = (trainer.max_epochs or 0) - self._first_epoch
        seconds = (time.monotonic() - self._started) * (epochs / epochs_done - 1)
        return f"{timedelta(seconds=round(seconds))} left"


def epoch_line(row: Row, epochs: int, width: int) -> str:
    """Return a finished epoch's line; a narrow terminal gets its most telling parts."""
    digits = len(str(epochs))
    parts = [  # in the order of reading, each with how soon it is left out
        (0, f"epoch {row['epoch']:{digits}.0f}/{epochs}"),
        (1, f"train {number(row['train_s'], '.1f')} s"),
        (2, f"val {number(row['val_s'], '.1f')} s"),
        (0, f"loss {number(row['train_loss'], '.3f')}"),
        (3, f"train top-1 {percent(row['train_acc1'])}"),
        (0, f"val top-1 {percent(row['val_acc1'])}"),
    ]
    lines = ["  ".join(text for rank, text in parts if rank <= keep) for keep in (3, 2, 1, 0)]
    return next((line for line in lines if len(line) <= width), lines[-1])
