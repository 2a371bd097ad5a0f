"""Real photographs and a copy of CIFAR-10, compared with torchvision and reported statistics."""

import tarfile
from pathlib import Path

import pytest
import torch
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from tests.data.conftest import MakeData

CLASSES = 8


@pytest.fixture
def photos(shared_data: Path, tmp_path: Path) -> Path:
    """Return a tree whose train/ and test/ are the same eight ImageNet photographs, two classes."""
    root = tmp_path / "photos"
    with tarfile.open(shared_data / "imagenet-sample-500.tar") as archive:
        members = [member for member in archive if member.isfile()][:: 500 // CLASSES][:CLASSES]
        for number, member in enumerate(members):
            content = archive.extractfile(member).read()
            for split in ("train", "test"):
                folder = root / split / ("even" if number % 2 == 0 else "odd")
                folder.mkdir(parents=True, exist_ok=True)
                (folder / Path(member.name).name).write_bytes(content)
    return root


@pytest.mark.parametrize("limit_gib", [4.0, 0.0])
def test_photographs_are_decoded_as_by_torchvision(
    photos: Path, folder_data: MakeData, limit_gib: float
) -> None:
    transform = v2.Compose([v2.Resize(96), v2.CenterCrop(96), v2.PILToTensor()])
    reference = ImageFolder(photos / "test", transform)
    data = folder_data(photos, image_size=96, val_fraction=0.25, cache_limit_gib=limit_gib)
    assert data.classes == reference.classes
    assert data.test_labels.tolist() == reference.targets
    expected = torch.stack([image for image, _ in reference])
    assert torch.equal(data.test_images(range(CLASSES)), expected)


@pytest.mark.slow
def test_the_cifar_copy_has_the_reported_mean_and_sd(
    shared_data: Path, folder_data: MakeData, tmp_path: Path
) -> None:
    with tarfile.open(shared_data / "cifar10-jpeg.tar.xz") as archive:
        archive.extractall(tmp_path / "cifar", filter="data")
    data = folder_data(tmp_path / "cifar", protocol="test_as_val", workers=2)
    assert (data.n_train, data.n_val, data.n_test) == (50_000, 10_000, 10_000)
    assert data.image_shape == (3, 32, 32)
    assert data.mean == pytest.approx((0.4913, 0.4821, 0.4465), abs=6e-5)
    assert data.std == pytest.approx((0.2452, 0.2428, 0.2606), abs=6e-5)
