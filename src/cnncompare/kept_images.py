"""The test images of a small set, kept once beside its runs for the report to show."""

import io
from pathlib import Path

import numpy as np

from cnncompare.data.module import ImageData
from cnncompare.errors import LockedError
from cnncompare.run import lock, write_atomically

LARGEST_MIB = 64  # 10,000 images of 3x32x32 are 29


def keep_test_images(data: ImageData, folder: Path) -> None:
    """Write test-images-<fingerprint[:12]>.npy, uint8 [N, H, W, C] in test order, unless there.

    A set of more than `LARGEST_MIB` is not kept, and one that a run beside this one is writing at
    the moment is left to it.
    """
    path = folder / f"test-images-{data.fingerprint[:12]}.npy"
    channels, height, width = data.image_shape
    if path.exists() or data.n_test * channels * height * width > LARGEST_MIB * 2**20:
        return
    try:
        held = lock(path)
    except LockedError:
        return
    try:
        content = io.BytesIO()
        images = data.test_images(range(data.n_test)).permute(0, 2, 3, 1).cpu().numpy()
        np.save(content, np.ascontiguousarray(images), allow_pickle=False)
        write_atomically(path, content.getvalue())
    finally:
        held.release()
