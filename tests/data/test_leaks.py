"""Counts of test images that are also training images."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from cnncompare.data import leaks
from cnncompare.data.leaks import count_leaks
from cnncompare.data.source import Split, full_split
from tests.data.conftest import MakeData


def random_images(n: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (n, 3, 4, 4), dtype=torch.uint8, generator=generator)


def split_of(images: Tensor) -> Split:
    return full_split(images, torch.zeros(len(images), dtype=torch.int64))


def test_every_test_image_that_is_a_training_image_counts() -> None:
    train = random_images(20, seed=0)
    test = torch.cat([random_images(5, seed=1), train[3:6], train[3:4]])
    assert count_leaks(split_of(train), split_of(test)) == 4


def test_only_the_images_of_the_splits_are_compared() -> None:
    images = split_of(random_images(10, seed=0).repeat(2, 1, 1, 1))  # image 10 equals image 0
    train, test = images.select(torch.arange(8)), images.select(torch.arange(13, 20))
    assert count_leaks(train, test) == 5


def test_what_is_not_compared_is_not_counted_as_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    split = split_of(random_images(4, seed=0))
    assert count_leaks(None, split) is None
    monkeypatch.setattr(leaks, "MAX_BYTES", 2 * 4 * 48 - 1)
    assert count_leaks(split, split) is None
    monkeypatch.setattr(leaks, "MAX_BYTES", 2 * 4 * 48)
    assert count_leaks(split, split) == 4


def test_image_files_are_compared_once_they_are_decoded(folder_data: MakeData, pets: Path) -> None:
    assert folder_data(pets).count_leaks() == 0
    assert folder_data(pets, cache_limit_gib=0).count_leaks() is None
    content = (pets / "train/cat/000.png").read_bytes()
    for name in ("cat/copy.png", "dog/copy.png"):
        (pets / "test" / name).write_bytes(content)
    # one of the training images is held out for validation, perhaps this one
    assert folder_data(pets, protocol="test_as_val").count_leaks() == 2
