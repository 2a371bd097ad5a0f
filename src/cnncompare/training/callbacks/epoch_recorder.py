"""Measurements of each epoch, written as rows of epochs.csv."""

import csv
import io
import math
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import pytorch_lightning as pl

from cnncompare.runs.record import MemorySection, TimingSection
from cnncompare.runs.run import EPOCHS
from cnncompare.runs.storage import write_atomically
from cnncompare.system.cpu_usage import CpuTimes, OtherCpuUsage, cpu_times
from cnncompare.system.device_sync import synchronize
from cnncompare.system.gpus import gpu_clock
from cnncompare.system.memory import peak_gpu_mib, peak_rss_mib
from cnncompare.training.metrics import ClassificationSums

COLUMNS = (
    "epoch",  # counted from 1
    "train_s",
    "val_s",
    "data_wait_s",  # included in train_s
    "images_per_s",
    "lr",  # of the epoch's first step
    "train_loss",
    "train_acc1",
    "val_loss",
    "val_acc1",
    "val_acc5",
    "peak_rss_mib",
    "peak_gpu_mib",
    "other_cpu_share",  # share of the cores used by other processes during the epoch
    "gpu_sm_clock_mhz",  # at the end of the epoch's training
    "gpu_throttled",  # 1: limited by power or temperature
)

EpochRow = dict[str, float | None]


class EpochRecorder(pl.Callback):
    """Measures each epoch, writes its row, and logs the same keys to every logger.

    The module has `train_sums` and `val_sums`, reset at the start of an epoch. `wait_s` of the
    training loader, if present, is the time in seconds spent waiting for batches in the current
    epoch. The rows are part of the checkpoint, so that in a resumed run they match the weights.
    With `after_checkpoint`, the callback that saves them calls `write`: no epoch in the table is
    then trained again, wherever the process is killed.
    """

    def __init__(
        self,
        run_folder: Path,
        clock: Callable[[], float] = time.perf_counter,
        read_cpu: Callable[[], CpuTimes | None] = cpu_times,
        *,
        after_checkpoint: bool = False,
    ) -> None:
        self.rows: list[EpochRow] = []
        self._path = run_folder / EPOCHS
        self._after_checkpoint = after_checkpoint
        self._clock = clock
        self._other_work = OtherCpuUsage(read_cpu)
        self._train_started: float | None = None  # None outside the training of an epoch
        self._val_started = 0.0
        self._epoch: EpochRow = {}
        self._before_validation: set[str] = set()
        self._of_validation: set[str] = set()  # names that others log there

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self.rows:  # of the checkpoint; a kill can have come before the table was written
            self.write(trainer)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._epoch = {"epoch": trainer.current_epoch + 1, "lr": _learning_rate(trainer)}
        self._other_work.start()
        self._train_started = self._now(trainer)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.sanity_checking:
            return
        self._stop_train(trainer)
        self._before_validation = set(trainer.callback_metrics)
        self._val_started = self._now(trainer)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not trainer.sanity_checking:
            self._epoch["val_s"] = self._now(trainer) - self._val_started
            self._epoch["other_cpu_share"] = self._other_work.share()
            self._of_validation |= set(trainer.callback_metrics) - self._before_validation

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._stop_train(trainer)
        self._epoch |= self._results(pl_module)
        # Lightning keeps the values of the last validation in an epoch without one
        old = set() if "val_s" in self._epoch else self._of_validation
        row = _ordered(self._epoch, _logged_by_others(trainer, old))
        self.rows = [*self.rows, row]
        if trainer.is_global_zero:
            _log(trainer, row)
        if not self._after_checkpoint:
            self.write(trainer)

    def write(self, trainer: pl.Trainer) -> None:
        """Replace epochs.csv by the rows of all epochs so far."""
        if trainer.is_global_zero:
            write_atomically(self._path, _csv(self.rows))

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.rows = state_dict["rows"]

    def timing(self, best_epoch: int | None) -> TimingSection:
        """Return medians over the epochs, without the first if there are more.

        The first epoch includes compilation, autotuning and the start of workers. The time up to
        the end of the best epoch (counted from 1, None without one) includes the first epoch.
        """
        rows = self.rows[1:] or self.rows
        return TimingSection(
            epoch_s=_median([_epoch_s(row) for row in rows]),
            time_to_best_s=self._time_to_s(best_epoch),
            **{
                name: _median([row[name] for row in rows])
                for name in ("train_s", "val_s", "data_wait_s", "images_per_s")
            },
        )

    def memory(self) -> MemorySection:
        """Return the peaks so far, including those before an interruption."""
        return MemorySection(
            peak_rss_mib=_highest(self.rows, "peak_rss_mib", peak_rss_mib()),
            peak_gpu_mib=_highest(self.rows, "peak_gpu_mib", peak_gpu_mib()),
        )

    def _now(self, trainer: pl.Trainer) -> float:
        """Return the time after the device has completed its queued work."""
        synchronize(trainer.strategy.root_device)
        return self._clock()

    def _stop_train(self, trainer: pl.Trainer) -> None:
        if self._train_started is not None:
            self._epoch["train_s"] = self._now(trainer) - self._train_started
            self._epoch["data_wait_s"] = getattr(trainer.train_dataloader, "wait_s", None)
            self._train_started = None
            self._epoch["other_cpu_share"] = self._other_work.share()
            self._epoch |= gpu_clock(trainer.strategy.root_device)

    def _results(self, pl_module: pl.LightningModule) -> EpochRow:
        """Return the epoch's results over all ranks; every rank must call this."""
        train = _sums(pl_module, "train_sums").compute()
        train_s = self._epoch["train_s"]
        results: EpochRow = {
            "images_per_s": train["n"] / train_s if train_s else None,
            "train_loss": train["loss"],
            "train_acc1": train["acc1"],
            "peak_rss_mib": peak_rss_mib(),
            "peak_gpu_mib": peak_gpu_mib(),
        }
        if "val_s" in self._epoch:
            val = _sums(pl_module, "val_sums").compute()
            results |= {f"val_{name}": val[name] for name in ("loss", "acc1", "acc5")}
        return results

    def _time_to_s(self, best_epoch: int | None) -> float | None:
        if best_epoch is None:
            return None
        seconds = [_epoch_s(row) for row in self.rows if (row["epoch"] or 0) <= best_epoch]
        return sum(second for second in seconds if second is not None) if seconds else None


def _sums(pl_module: pl.LightningModule, name: str) -> ClassificationSums:
    sums = getattr(pl_module, name)
    assert isinstance(sums, ClassificationSums)
    return sums


def _learning_rate(trainer: pl.Trainer) -> float:
    return float(trainer.optimizers[0].param_groups[0]["lr"])


def _logged_by_others(trainer: pl.Trainer, old: set[str]) -> EpochRow:
    """Return the values that callbacks and the module logged, None for `old` ones."""
    metrics = trainer.callback_metrics
    return {
        name: None if name in old else float(value)
        for name, value in metrics.items()
        if name not in COLUMNS
    }


def _ordered(epoch: EpochRow, others: EpochRow) -> EpochRow:
    return {name: epoch.get(name) for name in COLUMNS} | others


def _csv(rows: list[EpochRow]) -> bytes:
    """Return the table; a column that appeared later is empty in earlier rows."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, names, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue().encode()


def _log(trainer: pl.Trainer, row: EpochRow) -> None:
    """Log the row under its column names with the epoch as step, without what Lightning logs."""
    logged = trainer.logged_metrics
    values = {
        name: value
        for name, value in row.items()
        if value is not None and name != "epoch" and name not in logged
    }
    for logger in trainer.loggers:
        logger.log_metrics(values, step=int(row["epoch"] or 0))


def _epoch_s(row: EpochRow) -> float | None:
    return None if row["train_s"] is None else row["train_s"] + (row["val_s"] or 0.0)


def _median(values: list[float | None]) -> float | None:
    measured = [value for value in values if value is not None and not math.isnan(value)]
    return median(measured) if measured else None


def _highest(rows: list[EpochRow], name: str, now: float | None) -> float | None:
    values = [value for value in [*(row[name] for row in rows), now] if value is not None]
    return max(values, default=None)
