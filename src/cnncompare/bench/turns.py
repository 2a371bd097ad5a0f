"""Training that waits for a command at each epoch, and a bare loop over the same batches."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from torch import Tensor

from cnncompare.bench.processes import Reply
from cnncompare.config.schema import Config
from cnncompare.data.module import ImageData
from cnncompare.system.device_sync import synchronize
from cnncompare.training.build import (
    apply_speed_settings,
    build_data,
    build_model,
    build_task,
    find_pretrained_reference,
    set_up_torch,
)
from cnncompare.training.callbacks.build import build_callbacks
from cnncompare.training.callbacks.epoch_recorder import EpochRecorder
from cnncompare.training.callbacks.interruption import Interruption
from cnncompare.training.optimizers import build_optimizer
from cnncompare.training.trainer import build_trainer

STEPS = 8  # per command "step"
AUTOCAST = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}


def train_on_command(
    config: Config, commands: Iterator[str], reply: Callable[[Reply], None]
) -> None:
    """Train like `train`, with all callbacks, but execute `commands` at the start of each epoch.

    epoch     the next epoch, up to the start of the following: training, validation, checkpoints
    warm      the same, to warm up
    bare      an epoch of a bare PyTorch loop over the same batches
    pipeline  the training batches of an epoch, without a model
    step      training steps on one batch that is already on the device

    Each is answered with {"seconds", "images"}, an epoch also with its metrics. No run is written.
    """
    set_up_torch(config)
    data = build_data(config, find_pretrained_reference(config))
    data.prepare()
    model = build_model(config, data)
    with TemporaryDirectory(prefix="cnncompare-") as name, Interruption() as interruption:
        folder = Path(name)
        turns = EpochsOnCommand(commands, reply, BareLoop(config, data))
        callbacks = build_callbacks(
            config, 0, folder=folder, interruption=interruption, extra=[turns]
        )
        trainer = build_trainer(folder, config, callbacks)
        with suppress(NoMoreCommands):
            trainer.fit(build_task(config, model, data), datamodule=data)


class NoMoreCommands(BaseException):
    """Ends the training when no command is left."""


class EpochsOnCommand(pl.Callback):
    """Waits for a command at the start of each epoch; only the checkpoint comes after it."""

    def __init__(
        self, commands: Iterator[str], reply: Callable[[Reply], None], bare: "BareLoop"
    ) -> None:
        self._commands = commands
        self._reply = reply
        self._bare = bare
        self._started: float | None = None
        self._trained = 0.0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._end_epoch(trainer)
        for command in self._commands:
            if command in ("epoch", "warm"):
                self._started = time.perf_counter()
                return
            self._reply(self._bare.execute(command))
        raise NoMoreCommands

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._trained = time.perf_counter()  # Lightning calls the checkpoint callbacks after this

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._end_epoch(trainer)

    def _end_epoch(self, trainer: pl.Trainer) -> None:
        if self._started is None:
            return
        now = time.perf_counter()
        (row,) = [c.rows[-1] for c in trainer.callbacks if isinstance(c, EpochRecorder)]  # type: ignore[attr-defined]
        self._reply(
            {
                "seconds": now - self._started,
                "saving_s": now - self._trained,
                "images": self._bare.images,
                "train_loss": row["train_loss"],
                "val_acc1": row["val_acc1"],
                "n_val": self._bare.n_val,
            }
        )
        self._started = None


class BareLoop:
    """Trains a second network on the same batches in a loop of plain PyTorch."""

    def __init__(self, config: Config, data: ImageData) -> None:
        self.data = data
        self.channels_last = config.trainer.channels_last
        self.autocast = AUTOCAST.get(config.trainer.precision)
        size = data.batch_size
        self.n_train, self.n_val = data.n_train or 0, data.n_val or 0
        self.images_trained = self.n_train // size * size or self.n_train
        self.images = self.images_trained + self.n_val  # per epoch
        self._config = config
        self._started = False

    def execute(self, command: str) -> Reply:
        """Execute a command and return its seconds and images."""
        if not self._started:
            self._start()
        action, images = {
            "bare": (self._epoch, self.images),
            "pipeline": (self._batches, self.images_trained),
            "step": (self._steps, STEPS * self.data.batch_size),
        }[command]
        synchronize(self._device)
        started = time.perf_counter()
        action()
        synchronize(self._device)
        seconds = time.perf_counter() - started
        return {
            "seconds": seconds,
            "images": images,
            "batch_size": self.data.batch_size,
            "n_train": self.n_train,
            "n_val": self.n_val,
        }

    def _start(self) -> None:
        self._device = self.data.rank_info().device
        network = build_model(self._config, self.data).network.to(self._device)
        if self.channels_last:
            network = network.to(memory_format=torch.channels_last)
        apply_speed_settings(network, self._config.trainer)
        self._network = network.train()
        fused = self._device.type == "cpu"
        self._optimizer = build_optimizer(network, self._config.optimizer, fused=fused)
        self._batch = next(iter(self.data.train_dataloader()))
        self._started = True
        self._steps()  # warm-up

    def _epoch(self) -> None:
        self._network.train()
        for images, labels in self.data.train_dataloader():
            self._step(images, labels)
        self._network.eval()
        correct = torch.zeros((), dtype=torch.int64, device=self._device)
        with torch.inference_mode():
            for images, labels, _ in self.data.val_dataloader():
                correct += (self._logits(images).argmax(dim=1) == labels).sum()
        int(correct)

    def _batches(self) -> None:
        for _ in self.data.train_dataloader():
            pass

    def _steps(self) -> None:
        images, labels = self._batch[:2]
        self._network.train()
        for _ in range(STEPS):
            self._step(images, labels)

    def _step(self, images: Tensor, labels: Tensor) -> None:
        self._optimizer.zero_grad()
        F.cross_entropy(self._logits(images), labels).backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()

    def _logits(self, images: Tensor) -> Tensor:
        if self.channels_last:
            images = images.contiguous(memory_format=torch.channels_last)
        enabled = self.autocast is not None
        with torch.autocast(self._device.type, dtype=self.autocast, enabled=enabled):
            outputs = self._network(images)
        # a network with auxiliary heads returns the main output first
        logits: Tensor = outputs if isinstance(outputs, Tensor) else outputs[0]
        return logits
