from pathlib import Path

import numpy as np
import pytest

from cnncompare.data.module import ImageData
from cnncompare.runs.storage import lock
from cnncompare.training import test_images as kept_images
from cnncompare.training.test_images import keep_test_images
from tests.composing import compose_config


@pytest.fixture(scope="module")
def data() -> ImageData:
    data = ImageData(compose_config("data=synthetic", "data.limit_test=20").data, seed=0)
    data.prepare()
    return data


def test_the_images_are_written_in_order_and_once(
    data: ImageData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_images, "_CHUNK", 7)  # 20 images in three chunks
    keep_test_images(data, tmp_path)
    (path,) = tmp_path.glob("*.npy")
    assert path.name == f"test-images-{data.fingerprint[:12]}.npy"
    images = np.load(path, allow_pickle=False)
    channels, height, width = data.image_shape
    assert (images.dtype, images.shape) == (np.uint8, (20, height, width, channels))
    assert (images == data.test_images(range(20)).permute(0, 2, 3, 1).numpy()).all()
    written = path.stat().st_mtime_ns
    keep_test_images(data, tmp_path)
    assert path.stat().st_mtime_ns == written


def test_nothing_is_written_while_another_run_writes(data: ImageData, tmp_path: Path) -> None:
    held = lock(tmp_path / f"test-images-{data.fingerprint[:12]}.npy")
    keep_test_images(data, tmp_path)
    assert list(tmp_path.glob("*.npy")) == []
    held.release()
    keep_test_images(data, tmp_path)
    assert len(list(tmp_path.glob("*.npy"))) == 1


def test_a_large_set_is_not_written(
    data: ImageData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_images, "MAX_MIB", 0)
    keep_test_images(data, tmp_path)
    assert list(tmp_path.iterdir()) == []
