"""The test images of a small set, kept once beside its runs for the report to show."""

import io
from pathlib import Path

import numpy as np

from cnncompare.data.module import ImageData
from cnncompare.run import write_atomically

LARGEST_MIB = 64  # 10,000 images of 3x32x32 are 29


def keep_test_images(data: ImageData, folder: Path) -> None:
    """Write test-images-<fingerprint[:12]>.npy, uint8 [N, H, W, C] in test order, unless there.

    A set of more than `LARGEST_MIB` is not kept.
    """
    path = folder / f"test-images-{data.fingerprint[:12]}.npy"
    channels, height, width = data.image_shape
    if path.exists() or data.n_test * channels * height * width > LARGEST_MIB * 2**20:
        return
    content = io.BytesIO()
    images = data.test_images(range(data.n_test)).permute(0, 2, 3, 1).cpu().numpy()
    np.save(content, np.ascontiguousarray(images), allow_pickle=False)
    write_atomically(path, content.getvalue())
