"""A copy of the test images next to the run folders, from which the report shows images."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cnncompare.data.module import ImageData
from cnncompare.errors import LockedError
from cnncompare.runs.run import images_file
from cnncompare.runs.storage import lock, write_atomically

MAX_MIB = 64  # 10,000 images of 3x32x32 take 29
_CHUNK = 500  # images


def keep_test_images(data: ImageData, folder: Path) -> None:
    """Write the test images, uint8 [N, H, W, C] in test order, unless the file exists.

    Nothing is written for sets of more than `MAX_MIB`, or while another run writes the file.
    """
    path = folder / images_file(data.fingerprint)
    channels, height, width = data.image_shape
    if path.exists() or data.n_test * channels * height * width > MAX_MIB * 2**20:
        return
    try:
        held = lock(path)
    except LockedError:
        return
    try:
        write_atomically(path, _chunks(data))
    finally:
        held.release()


def _chunks(data: ImageData) -> Iterator[bytes]:
    """Yield the file in chunks; in one piece it determined the peak memory of small networks."""
    channels, height, width = data.image_shape
    header = io.BytesIO()
    shape = (data.n_test, height, width, channels)
    array_format = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, array_format)
    yield header.getvalue()
    for first in range(0, data.n_test, _CHUNK):
        images = data.test_images(range(first, min(first + _CHUNK, data.n_test)))
        yield images.permute(0, 2, 3, 1).contiguous().numpy().tobytes()
