"""Seconds of an epoch, measured before a training whose budget is in seconds."""

import logging
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import fmean
from typing import Any

import pytorch_lightning as pl
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from pytorch_lightning.callbacks import Callback

from cnncompare.config.schema import Config
from cnncompare.data.module import ImageData
from cnncompare.system.device_sync import synchronize
from cnncompare.training.build import build_model, build_task
from cnncompare.training.callbacks.build import averaging

SHARE = 0.05  # of the budget that the measurement may take
SHORTEST_S, LONGEST_S = 2.0, 60.0  # of the measurement
EPOCHS = 3  # whole epochs at least, after the first one, if they fit into that time
STEPS = 10  # otherwise steps, after the first two
VAL_COST = 1 / 3  # of an image in validation, in training steps: there is no backward pass


class EpochTimer(Callback):
    """Times epochs and steps as the run's record does, and stops when `enough_s` are over.

    At least EPOCHS epochs after the first one are timed or, if one is longer, STEPS steps. If only
    every `val_every`th epoch is validated, a multiple of so many epochs is timed.
    """

    def __init__(
        self,
        enough_s: float,
        clock: Callable[[], float] = time.perf_counter,
        *,
        val_every: int = 1,
    ) -> None:
        self.epochs: list[float] = []  # training and validation
        self.steps: list[float] = []  # of the first epoch, from the end of one to that of the next
        self._enough_s = enough_s
        self._val_every = val_every
        self._clock = clock
        self._started = self._epoch_started = clock()
        self._step_ended: float | None = None
        self._val_ended: float | None = None

    def on_train_epoch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        self._epoch_started, self._val_ended = self._now(trainer), None

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if self.epochs:
            return
        now = self._now(trainer)
        if self._step_ended is not None:
            self.steps.append(now - self._step_ended)
        self._step_ended = now
        if len(self.steps) > STEPS and now - self._started > self._enough_s:
            raise EnoughMeasured

    def on_validation_end(self, trainer: pl.Trainer, *_: Any) -> None:
        self._val_ended = self._now(trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        now = self._now(trainer)
        ended = now if self._val_ended is None else self._val_ended
        self.epochs.append(ended - self._epoch_started)
        n_timed = len(self.epochs) - 1
        is_enough = n_timed >= EPOCHS and n_timed % self._val_every == 0
        if is_enough and now - self._started > self._enough_s:
            raise EnoughMeasured

    def _now(self, trainer: pl.Trainer) -> float:
        synchronize(trainer.strategy.root_device)
        return self._clock()


class EnoughMeasured(Exception):  # noqa: N818
    """Ends the loop of a measurement."""


def measure_epoch_s(config: Config, data: ImageData, stop: Sequence[Callback] = ()) -> float:
    """Return the seconds of training and validation in an epoch; `data` are prepared.

    For several devices, one device's share of the batch is measured, without communication.
    `stop` are callbacks that react to signals.
    """
    budget_s = config.budget.seconds or 0.0
    every = config.trainer.check_val_every_n_epoch
    timer = EpochTimer(min(max(SHARE * budget_s, SHORTEST_S), LONGEST_S), val_every=every)
    batch_size = data.batch_size
    processes = config.trainer.processes
    data.batch_size = max(1, batch_size // processes)
    try:
        with _quiet(), tempfile.TemporaryDirectory(prefix="cnncompare-") as folder:
            task = build_task(config, build_model(config, data), data)
            trainer = _trainer(config, [*averaging(config), *stop, timer], Path(folder))
            with suppress(EnoughMeasured):
                trainer.fit(task, datamodule=data)
    finally:
        data.batch_size = batch_size
    n_val = int(data.val_class_counts.sum())
    whole = [epoch_s / processes for epoch_s in timer.epochs]  # each process has its share
    steps = [step_s * config.trainer.accumulate_grad_batches for step_s in timer.steps]
    return epoch_seconds(whole, steps, data.n_train or 0, n_val / every, batch_size)


def epoch_seconds(
    epochs: Sequence[float], steps: Sequence[float], n_train: int, n_val: float, batch_size: int
) -> float:
    """Return the mean of the epochs after the first one, or an estimate from steps of the first.

    The first step counts only if there are no others.
    """
    if len(epochs) > 1:
        return fmean(epochs[1:])
    if epochs:
        return epochs[0]
    step_s = fmean(steps[1:] or steps)
    return max(1, n_train // batch_size) * step_s + n_val * step_s / batch_size * VAL_COST


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence what Lightning says about a trainer; that of the run says it again."""
    logger = logging.getLogger("pytorch_lightning")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logger.setLevel(level)


def _trainer(config: Config, callbacks: list[Callback], folder: Path) -> pl.Trainer:
    settings = config.trainer
    return pl.Trainer(
        default_root_dir=folder,
        max_epochs=10_000,  # the timer stops it
        check_val_every_n_epoch=settings.check_val_every_n_epoch,
        accumulate_grad_batches=settings.accumulate_grad_batches,
        reload_dataloaders_every_n_epochs=1,
        accelerator=settings.accelerator,
        devices=1,
        precision=settings.precision,
        gradient_clip_val=settings.gradient_clip_val,
        deterministic="warn" if settings.deterministic else False,
        benchmark=not settings.deterministic,
        callbacks=callbacks,
        plugins=[LightningEnvironment()],  # one process, also where others wait for it
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
