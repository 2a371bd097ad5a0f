"""Hashes of the decoded images of a split, and groups of images with identical pixels."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import replace
from itertools import repeat
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray
from torch import Tensor

from cnncompare.config.data import DataConfig
from cnncompare.data.cache import cache_key, run_in_chunks
from cnncompare.data.decode import RGB_AS_STORED, hash_pixels, pixel_hash
from cnncompare.data.files import ImageFiles
from cnncompare.data.source import Split
from cnncompare.system.durable_files import replace_durably


def group_identical(split: Split, config: DataConfig, workers: int) -> NDArray[np.int64]:
    """Return for each image of the split the first position, int64 [n], with the same pixels.

    Raises CorruptImageError unless `data.on_corrupt_image` allows corrupt images.
    """
    return group_hashes(hash_images(split, config, workers))


def group_hashes(hashes: Sequence[bytes]) -> NDArray[np.int64]:
    """Return for each hash the first position with an equal one, int64 [n]."""
    first: dict[bytes, int] = {}
    return np.array([first.setdefault(pixels, i) for i, pixels in enumerate(hashes)], np.int64)


def hash_images(split: Split, config: DataConfig, workers: int) -> list[bytes]:
    """Return the SHA-256 of each image's size and RGB pixels, in the order of the split.

    Files are hashed at their stored size, so that the hashes do not depend on the preprocessing,
    and an array has the hash of a lossless file. Raises CorruptImageError unless
    `data.on_corrupt_image` allows corrupt images.
    """
    images = split.images
    if not isinstance(images, Tensor):
        return _file_hashes(images.select(split.rows), config, workers)
    channels, height, width = images.shape[1:]
    shape = (max(channels, 3), height, width)  # grey is repeated
    return [pixel_hash(images[row].expand(shape).numpy()) for row in split.rows.tolist()]


def _file_hashes(images: ImageFiles, config: DataConfig, workers: int) -> list[bytes]:
    """Return a hash of each image, from the cache unless a file has changed."""
    folder = Path(os.path.abspath(os.path.expanduser(config.cache_dir)))
    as_stored = replace(images, options=RGB_AS_STORED)
    file = folder / f"{cache_key(as_stored)}.hashes"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(file.with_suffix(".lock")):
            return _read(file, len(images)) or _compute(as_stored, config, workers, file)
    except OSError:  # the cache folder cannot be written; corrupt images raise another error
        return _compute(as_stored, config, workers, None)


def _read(file: Path, n: int) -> list[bytes] | None:
    size = hashlib.sha256().digest_size
    content = file.read_bytes() if file.exists() else b""
    if len(content) != n * size:
        return None
    return [content[start : start + size] for start in range(0, len(content), size)]


def _compute(
    images: ImageFiles, config: DataConfig, workers: int, file: Path | None
) -> list[bytes]:
    allow_corrupt = config.on_corrupt_image != "error"
    chunks = run_in_chunks(hash_pixels, images, workers, [repeat(allow_corrupt)])
    hashes = [pixels for chunk in chunks for pixels in chunk]
    if file is not None:
        unfinished = file.with_suffix(".tmp")
        unfinished.write_bytes(b"".join(hashes))
        replace_durably(unfinished, file)
    return hashes
