"""The test images of a small set, kept once beside its runs for the report to show."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cnncompare.data.module import ImageData
from cnncompare.errors import LockedError
from cnncompare.runs.storage import lock, write_atomically

LARGEST_MIB = 64  # 10,000 images of 3x32x32 are 29
_PIECE = 500  # images


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
        write_atomically(path, _pieces(data))
    finally:
        held.release()


def _pieces(data: ImageData) -> Iterator[bytes]:
    """Yield the file in pieces: whole, it was what made the peak of a small network's memory."""
    channels, height, width = data.image_shape
    header = io.BytesIO()
    shape = (data.n_test, height, width, channels)
    form = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, form)
    yield header.getvalue()
    for first in range(0, data.n_test, _PIECE):
        some = data.test_images(range(first, min(first + _PIECE, data.n_test)))
        yield some.permute(0, 2, 3, 1).contiguous().numpy().tobytes()
