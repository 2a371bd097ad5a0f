"""A few training steps of a job, timed; nothing is trained to an end and nothing is written."""

import logging
import tempfile
import time
from statistics import median
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from cnncompare.config.schema import Config
from cnncompare.models import registry
from cnncompare.system.device_sync import wait_for
from cnncompare.system.memory import peak_gpu_mib, peak_rss_mib
from cnncompare.training.train import (
    build_data,
    build_model,
    build_task,
    find_pretrained_reference,
    set_up_torch,
)

STEPS = 8  # the first two, which pay for warming up, are left out


class Steps(Callback):
    """Times steps, and stops after STEPS of them."""

    def __init__(self) -> None:
        self.ended: list[float] = []

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        wait_for(trainer.strategy.root_device)
        self.ended.append(time.perf_counter())
        trainer.should_stop = len(self.ended) >= STEPS

    def on_test_batch_end(self, trainer: pl.Trainer, *_: Any, **__: Any) -> None:
        wait_for(trainer.strategy.root_device)
        self.ended.append(time.perf_counter())

    def step_s(self) -> float | None:
        """Return the median time of a step in seconds, or None before there are enough."""
        steps = [b - a for a, b in zip(self.ended[1:], self.ended[2:], strict=False)]
        return median(steps) if steps else None


def probe(config: Config) -> dict[str, Any]:
    """Return parameters, macs, size_mb, step_s, the numbers of images, and peak memory.

    Of a job on several devices one device's share is tried, without what they tell each other.
    """
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    set_up_torch(config)
    devices = config.trainer.devices
    share = config.data.model_copy(update={"batch_size": config.data.batch_size // devices})
    config = config.model_copy(update={"data": share})
    data = build_data(config, find_pretrained_reference(config))
    data.prepare()
    model = build_model(config, data)
    steps = Steps()
    with tempfile.TemporaryDirectory(prefix="cnncompare-") as folder:
        trainer = pl.Trainer(
            default_root_dir=folder,
            max_epochs=STEPS,  # of epochs too, for a set with a single batch
            accelerator=config.trainer.accelerator,
            devices=1,
            precision=config.trainer.precision,
            callbacks=[steps],
            limit_val_batches=0,
            limit_test_batches=STEPS,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        one_pass = trainer.fit if config.trains else trainer.test
        one_pass(build_task(config, model), datamodule=data)
    return {
        "params": registry.count_params(model.network),
        "macs": registry.count_macs(model.network, data.image_shape),
        "size_mb": registry.size_mb(model.network),
        "step_s": steps.step_s(),
        "n_train": data.n_train,
        "n_val": data.n_val,
        "n_test": data.n_test,
        "peak_rss_mib": peak_rss_mib(),
        "peak_gpu_mib": peak_gpu_mib(),
    }
