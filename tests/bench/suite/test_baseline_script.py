from pathlib import Path

import numpy as np
import pytest
import torch

from cnncompare.bench.suite import baseline_script as baseline
from cnncompare.models import registry


@pytest.mark.parametrize(
    ("name", "ours", "stem"),
    [
        ("lenet5", ("lenet5", "own"), "imagenet"),
        ("resnet20", ("resnet20", "own"), "cifar"),
        ("resnet18", ("resnet18", "torchvision"), "imagenet"),
        ("resnet18_cifar", ("resnet18", "torchvision"), "cifar"),
    ],
)
def test_both_sides_train_the_same_network(name: str, ours: tuple[str, str], stem: str) -> None:
    built = registry.build(
        ours[0], source=ours[1], classes=10, image_shape=(3, 32, 32), stem=stem
    ).network
    theirs = baseline.make_network(name, 10)
    assert registry.count_params(theirs) == registry.count_params(built)
    macs = [registry.count_macs(network, (3, 32, 32)) for network in (theirs, built)]
    assert macs[0] == macs[1]


def test_the_script_learns(tmp_path: Path) -> None:
    labels = np.arange(256) % 2
    dark_or_light = (labels * 200)[:, None, None, None].astype(np.uint8)
    noise = np.random.default_rng(0).integers(0, 50, (256, 32, 32, 3), dtype=np.uint8)
    for split in ("train", "val"):
        np.save(tmp_path / f"{split}.npy", dark_or_light + noise)
        np.save(tmp_path / f"{split}_labels.npy", labels)
    torch.manual_seed(0)
    device = torch.device("cpu")
    train, val = baseline.make_loaders(tmp_path, 16)
    network = baseline.make_network("lenet5", 2)
    optimizer = baseline.make_optimizer(network, lr=0.02)
    baseline.train_epoch(network, train, optimizer, device)
    loss, accuracy = baseline.validate_epoch(network, val, device)
    assert accuracy > 0.95
    assert loss < 0.5


def test_some_images_are_of_all_classes(tmp_path: Path) -> None:
    np.save(tmp_path / "train.npy", np.zeros((100, 32, 32, 3), np.uint8))
    np.save(tmp_path / "train_labels.npy", np.arange(100) // 10)  # class after class
    images = baseline.MemoryImages(tmp_path, "train", baseline.val_transform, 10)
    assert len(images) == 10
    assert set(images.targets) == set(range(10))
