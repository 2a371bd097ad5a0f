"""A task small enough for calculations by hand, and a trainer for it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from cnncompare.config.optimization import ConstantConfig, LossConfig, SGDConfig
from cnncompare.training.lightning_module import ImageClassifier

CLASSES = 7
QUIET = [  # pytest makes errors of warnings; these are of Lightning, about intended uses
    pytest.mark.filterwarnings(f"ignore:{message}")
    for message in (
        ".*treespec, LeafSpec",
        "The '.*_dataloader' does not have many workers",
        "You defined a `validation_step` but have no `val_dataloader`",
        "Experiment logs directory .* exists and is not empty",
        "Checkpoint directory .* exists and is not empty",
    )
]


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Loader:
    """Batches of random images with their labels, and for evaluation their positions.

    Replaces the loader of cnncompare.data: each batch makes the trainer wait `wait` seconds.
    """

    def __init__(self, n: int, *, evaluation: bool, wait: float = 0.0, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.images = torch.randn(n, 1, 2, 3, generator=generator)
        self.labels = torch.randint(CLASSES, (n,), generator=generator)
        self.evaluation = evaluation
        self.wait = wait
        self.wait_s = 0.0

    def __len__(self) -> int:
        return -(-len(self.images) // 4)

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        self.wait_s = 0.0
        for some in torch.arange(len(self.images)).split(4):
            self.wait_s += self.wait
            batch = (self.images[some], self.labels[some])
            yield (*batch, some) if self.evaluation else batch


class SlowTask(ImageClassifier):
    """Moves the clock: 2 s a training step, 0.5 s a validation step."""

    clock: Clock

    def training_step(self, batch: Any, batch_index: int) -> Tensor:
        self.clock.now += 2.0
        return super().training_step(batch, batch_index)

    def validation_step(self, batch: Any, batch_index: int) -> None:
        self.clock.now += 0.5
        super().validation_step(batch, batch_index)


def make_task(clock: Clock | None = None, lr: float = 1e-9) -> SlowTask:
    """Return a linear classifier; with the default lr its weights stay as they are."""
    torch.manual_seed(0)
    task = SlowTask(
        nn.Sequential(nn.Flatten(), nn.Linear(6, CLASSES)),
        seed=0,
        loss=LossConfig(),
        optimizer=SGDConfig(name="sgd", lr=lr, nesterov=False, momentum=0.0, weight_decay=0.0),
        scheduler=ConstantConfig(name="constant"),
    )
    task.clock = clock or Clock()
    return task


def make_trainer(folder: Path, callbacks: list[pl.Callback], **options: Any) -> pl.Trainer:
    defaults: dict[str, Any] = {
        "logger": False,
        "enable_checkpointing": False,
        "max_epochs": 1,
        "devices": 1,
        "num_sanity_val_steps": 0,
    }
    return pl.Trainer(
        default_root_dir=folder,
        accelerator="cpu",
        callbacks=callbacks,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        log_every_n_steps=1,
        **(defaults | options),
    )


@pytest.fixture
def clock() -> Clock:
    return Clock()
