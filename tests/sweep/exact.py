"""A small network with dropout and batch norm, and the results that its trainings must share."""

import csv
import hashlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cnncompare.models.registry import register

OVERRIDES = (
    "data=digits",
    "data.image_size=8",
    "data.limit_train=192",
    "data.limit_test=100",
    "data.batch_size=32",
    "data.augment.crop_padding=1",
    "model=lenet5",
    "model.module=tests.sweep.exact",
    "model.name=exact_net",
    "optimizer.lr=0.05",
    "scheduler=onecycle",
    "trainer.max_epochs=4",
    "trainer.ema_decay=0.9",
    "trainer.gradient_clip_val=1.0",
    "trainer.accelerator=cpu",
    "trainer.threads=1",
    "logger=tensorboard",
    "display=minimal",
)
CLOCKS = (
    *("train_s", "val_s", "data_wait_s", "images_per_s", "peak_rss_mib", "peak_gpu_mib"),
    *("other_cpu_share", "gpu_sm_clock_mhz", "gpu_throttled"),
)


@register("exact_net", family="test", year=2026, paper="none", input_size=(1, 8, 8))
def exact_net(
    *, classes: int, in_channels: int, image_size: int, stem: str, dropout: float = 0.3
) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(in_channels, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(4),
        nn.Flatten(),
        nn.Dropout(dropout),
        nn.Linear(128, classes),
    )


def result(folder: Path) -> dict[str, Any]:
    """Return the results of a finished run that must not depend on interruptions."""
    last = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    best = torch.load(folder / "checkpoints" / "best.ckpt", weights_only=True)
    with (folder / "epochs.csv").open(newline="") as file:
        rows = [
            {name: cell for name, cell in row.items() if name not in CLOCKS}
            for row in csv.DictReader(file)
        ]
    return {
        "averaged weights": digest(last["state_dict"]),
        "weights": digest(last["current_model_state"]),
        "optimizer": digest(last["optimizer_states"]),
        "scheduler": digest(last["lr_schedulers"]),
        "averaging": digest(last["averaging_state"]),
        "best weights": digest(best["state_dict"]),
        "best epoch": best["epoch"],
        "epochs": rows,
        "predictions": (folder / "predictions.npz").read_bytes(),
    }


def digest(state: Any) -> str:
    sha = hashlib.sha256()
    _feed(state, sha.update)
    return sha.hexdigest()


def _feed(state: Any, update: Any) -> None:
    if isinstance(state, Tensor):
        update(state.detach().contiguous().numpy().tobytes())
    elif isinstance(state, dict):
        for key in sorted(state, key=str):
            update(str(key).encode())
            _feed(state[key], update)
    elif isinstance(state, (list, tuple)):
        for item in state:
            _feed(item, update)
    else:
        update(repr(state).encode())
