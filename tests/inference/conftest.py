"""Small trained runs, and their test images as files."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from cnncompare.config.schema import Config
from cnncompare.runs.run import Run
from cnncompare.training.build import build_data, find_pretrained_reference
from cnncompare.training.train import train
from tests.composing import compose_config

QUICK = (
    *("trainer.max_epochs=1", "trainer.accelerator=cpu", "trainer.threads=1", "display=minimal"),
    *("logger=[]", "data.limit_train=200", "data.batch_size=32", "optimizer=adamw"),
)
DIGITS = ("data=digits", "data.limit_test=50", *QUICK)

SaveImages = Callable[[Config, Path], list[str]]


def train_in(folder: Path, *overrides: str) -> Run:
    return train(compose_config(*overrides, f"output_root={folder}"))


@pytest.fixture(scope="session")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("outputs")


@pytest.fixture(scope="session")
def digits_run(outputs: Path) -> Run:
    return train_in(outputs, "model=lenet5", "name=digits", *DIGITS)


@pytest.fixture(scope="session")
def digit_images(outputs: Path, digits_run: Run) -> Path:
    """Return a folder with the test images of `digits_run` as PNG files, in their order."""
    config = compose_config("model=lenet5", *DIGITS)
    save_test_images(config, outputs / "digit_images")
    return outputs / "digit_images"


def save_test_images(config: Config, folder: Path) -> list[str]:
    """Save the test images as stored, before any resizing, and return the files."""
    data = build_data(config, find_pretrained_reference(config))
    data.prepare()
    test = data._prepared_splits().test
    assert isinstance(test.images, torch.Tensor)
    folder.mkdir()
    files = []
    for position, row in enumerate(test.rows.tolist()):
        pixels = test.images[row].permute(1, 2, 0).numpy()
        files.append(str(folder / f"{position:04}.png"))
        Image.fromarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels).save(files[-1])
    return files


def run_code(
    code: str, *arguments: Any, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Python code with arguments in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )
