"""Fixtures of the data tests: small configurations and image folders."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cnncompare.config.data import AugmentConfig, DataConfig, SyntheticConfig
from cnncompare.data.module import ImageData

MakeData = Callable[..., ImageData]
MakeTree = Callable[..., Path]


@pytest.fixture
def synthetic_data() -> MakeData:
    """Return a factory of prepared synthetic data; keywords are those of DataConfig."""

    def make(seed: int = 0, n_train: int = 300, n_test: int = 50, **changes: Any) -> ImageData:
        values: dict[str, Any] = {
            "name": "synthetic",
            "source": "synthetic",
            "synthetic": SyntheticConfig(classes=5, n_train=n_train, n_test=n_test),
            "batch_size": 32,
            "augment": AugmentConfig(crop_padding=4, flip=True),
        }
        data = ImageData(DataConfig(**(values | changes)), seed=seed)
        data.prepare()
        return data

    return make


@pytest.fixture
def make_tree(tmp_path: Path) -> MakeTree:
    """Return a factory of class folders: {"train/cat": [(width, height), ...]} to a root."""

    def make(folders: dict[str, list[tuple[int, int]]], suffix: str = ".png") -> Path:
        root = tmp_path / "images"
        draws = np.random.default_rng(0)
        for folder, sizes in folders.items():
            (root / folder).mkdir(parents=True)
            for number, (width, height) in enumerate(sizes):
                pixels = draws.integers(0, 256, (height, width, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(root / folder / f"{number:03}{suffix}")
        return root

    return make


@pytest.fixture
def pets(make_tree: MakeTree) -> Path:
    """Return the root of two classes, 10 training and 3 test images each, 20x16 pixels."""
    return make_tree(
        {
            f"{split}/{kind}": [(20, 16)] * n
            for split, n in (("train", 10), ("test", 3))
            for kind in ("cat", "dog")
        }
    )


@pytest.fixture
def folder_data(tmp_path: Path) -> MakeData:
    """Return a factory of prepared folder data with its own cache; keywords are DataConfig's."""

    def make(root: Path, **changes: Any) -> ImageData:
        values: dict[str, Any] = {
            "name": "folder",
            "source": "folder",
            "root": str(root),
            "batch_size": 4,
            "cache_dir": str(tmp_path / "cache"),
            "workers": 1,
        }
        data = ImageData(DataConfig(**(values | changes)), seed=0)
        data.prepare()
        return data

    return make
