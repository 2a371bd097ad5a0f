"""Fixtures of the audit's tests: real images and re-encoding."""

import io
import tarfile
from pathlib import Path

import pytest
from PIL import Image

N_TRAIN, N_TEST = 60, 30  # images per class


@pytest.fixture(scope="session")
def cifar_images(shared_data: Path) -> dict[str, list[bytes]]:
    """Return 90 JPEG files of each of two classes of CIFAR-10, without repetitions."""
    images: dict[str, list[bytes]] = {"bird": [], "frog": []}
    with tarfile.open(shared_data / "cifar10-jpeg.tar.xz") as archive:
        for member in archive:  # in the archive's own order, which is fixed
            name = Path(member.name).parent.name
            content = archive.extractfile(member) if name in images else None
            if content is not None and len(images[name]) < N_TRAIN + N_TEST:
                images[name].append(content.read())
            if all(len(found) == N_TRAIN + N_TEST for found in images.values()):
                break
    return images


@pytest.fixture
def cifar_tree(cifar_images: dict[str, list[bytes]], tmp_path: Path) -> Path:
    """Return a root with 60 training and 30 test images of each of two classes."""
    root = tmp_path / "cifar"
    for name, contents in cifar_images.items():
        for number, content in enumerate(contents):
            split = "train" if number < N_TRAIN else "test"
            folder = root / split / name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{number:03}.jpg").write_bytes(content)
    return root


def reencode(file: Path, quality: int) -> bytes:
    """Return the image as another JPEG file."""
    buffer = io.BytesIO()
    with Image.open(file) as image:
        image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
