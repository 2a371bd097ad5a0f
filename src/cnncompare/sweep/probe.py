"""Probe of a job: a few timed training steps; nothing is kept."""

import logging
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from cnncompare.config.schema import Config
from cnncompare.models import registry
from cnncompare.system.device_sync import synchronize
from cnncompare.system.memory import peak_gpu_mib, peak_rss_mib
from cnncompare.training.build import (
    build_data,
    build_model,
    build_task,
    find_pretrained_reference,
    set_up_torch,
)
from cnncompare.training.callbacks.build import averaging
from cnncompare.training.epoch_time import measure_epoch_s

STEPS = 8  # the first two are slower and not counted


class StepTimer(Callback):
    """Records when steps end, and stops the loop after STEPS of them."""

    def __init__(self) -> None:
        self.ended: list[float] = []

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        self._record(trainer)
        trainer.should_stop = len(self.ended) >= STEPS

    def on_test_batch_end(self, trainer: pl.Trainer, *_: Any, **__: Any) -> None:
        self._record(trainer)

    def step_s(self) -> float | None:
        """Return the median seconds per step; None with fewer than three steps."""
        steps = [b - a for a, b in zip(self.ended[1:], self.ended[2:], strict=False)]
        return median(steps) if steps else None

    def _record(self, trainer: pl.Trainer) -> None:
        synchronize(trainer.strategy.root_device)
        self.ended.append(time.perf_counter())


def probe(config: Config) -> dict[str, Any]:
    """Return params, macs, size_mb, step_s, the numbers of images, and peak memory.

    For several devices, one device's share of the batch is measured, without communication.
    """
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    set_up_torch(config)
    data = build_data(config, find_pretrained_reference(config))
    data.prepare()
    batch_size = data.batch_size
    data.batch_size = max(1, batch_size // config.trainer.devices_per_node)
    model = build_model(config, data)
    timer = StepTimer()
    with tempfile.TemporaryDirectory(prefix="cnncompare-") as folder:
        trainer = _trainer(config, timer, Path(folder))
        run_loop = trainer.fit if config.trains else trainer.test
        run_loop(build_task(config, model, data), datamodule=data)
    data.batch_size = batch_size
    epoch = {} if config.budget.seconds is None else {"epoch_s": measure_epoch_s(config, data)}
    return epoch | {
        "params": registry.count_params(model.network),
        "macs": registry.count_macs(model.network, data.image_shape),
        "size_mb": registry.size_mb(model.network),
        "batch_size": batch_size,
        "step_s": _of_optimizer_step(timer.step_s(), config),
        "n_train": data.n_train,
        "n_val": data.n_val,
        "n_test": data.n_test,
        "peak_rss_mib": peak_rss_mib(),
        "peak_gpu_mib": peak_gpu_mib(),
    }


def _of_optimizer_step(batch_s: float | None, config: Config) -> float | None:
    return batch_s and batch_s * (config.trainer.accumulate_grad_batches if config.trains else 1)


def _trainer(config: Config, timer: StepTimer, folder: Path) -> pl.Trainer:
    return pl.Trainer(
        default_root_dir=folder,
        max_epochs=STEPS,  # a small data set has only one step per epoch
        accelerator=config.trainer.accelerator,
        devices=1,
        precision=config.trainer.precision,
        callbacks=[*averaging(config), timer],  # those that cost time or memory in each step
        reload_dataloaders_every_n_epochs=1,
        limit_val_batches=0,
        limit_test_batches=STEPS,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
