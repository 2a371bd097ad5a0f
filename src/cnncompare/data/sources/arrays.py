"""Images and labels in NumPy arrays: an .npz file, or a pair of .npy files."""

import logging
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cnncompare.config.data import DataConfig
from cnncompare.data.source import Source, full_split
from cnncompare.data.sources.array_labels import read_labels
from cnncompare.data.sources.stored_arrays import StoredArray, channels_last, find_arrays
from cnncompare.errors import DataError

log = logging.getLogger(__name__)

_CHUNK_BYTES = 2**24  # converted at once, so that large arrays need little more than themselves
_DEPTHS = (8, 10, 12, 14, 16)  # bits of camera and scanner images stored as uint16


def load_arrays(config: DataConfig) -> Source:
    """Return the arrays of `data.root` as uint8 [N, C, H, W], in their own order.

    Strings as labels are class names, sorted; integers are class numbers, named by the array
    `classes` if there is one. Raises DataError if shape, type or values are not those of images
    and labels.
    """
    found = find_arrays(config.root or "", config.labels)
    images = _to_pixels({s: arrays.images for s, arrays in found.splits.items()})
    classes, numbers = read_labels(found, config.root or "")
    splits = {s: full_split(images[s], torch.from_numpy(numbers[s])) for s in images}
    _, channels, height, width = images["train"].shape
    return Source(
        classes,
        shape=(channels, height, width),
        train=splits["train"],
        test=splits.get("test"),
        val=splits.get("val"),
    )


def _to_pixels(images: dict[str, StoredArray]) -> dict[str, Tensor]:
    """Return the images of each split as uint8 [N, C, H, W]; one rule holds for all splits.

    Images of uint8 are kept. The range of uint16 is the smallest of 8, 10, 12, 14 and 16 bits that
    contains every value; the upper 8 of these bits are kept. Floats in [0, 1] are multiplied by
    255 and rounded, floats in [0, 255] only rounded.
    """
    arrays = {split: stored.load() for split, stored in images.items()}
    low = min(array.min() for array in arrays.values())
    high = max(array.max() for array in arrays.values())
    dtype = arrays["train"].dtype
    if dtype.kind == "f":
        factor = _float_factor(float(low), float(high), images["train"])
        log.info("%s: floats are multiplied by %g and rounded", images["train"], factor)
    elif dtype.itemsize == 2:
        bits = next(bits for bits in _DEPTHS if int(high) < 2**bits)
        factor = 2 ** (8 - bits)
        log.warning(
            "%s: 16-bit values up to %d are read as %d-bit images", images["train"], high, bits
        )
    else:
        factor = 1
    return {split: _scaled(array, factor) for split, array in arrays.items()}


def _float_factor(low: float, high: float, images: StoredArray) -> float:
    if not (np.isfinite(low) and np.isfinite(high)) or low < 0 or high > 255:
        raise DataError(
            f"{images} and its other splits have values from {low:g} to {high:g}; floats are in "
            f"[0, 1] or [0, 255], without NaN"
        )
    return 255.0 if high <= 1 else 1.0


def _scaled(array: NDArray[Any], factor: float) -> Tensor:
    """Return uint8 [N, C, H, W]: floats are rounded, integers lose their lower bits."""
    last = channels_last(array.shape)
    if last is None:
        array = array[:, None]
    elif last:
        array = np.moveaxis(array, 3, 1)
    if array.dtype == np.uint8:
        return torch.from_numpy(np.ascontiguousarray(array))
    pixels = np.empty(array.shape, np.uint8)
    step = max(1, _CHUNK_BYTES // max(1, array[:1].nbytes))
    for start in range(0, len(array), step):
        rows = slice(start, start + step)
        scaled = array[rows].astype(np.float64) * factor
        pixels[rows] = np.rint(scaled) if array.dtype.kind == "f" else np.floor(scaled)
    return torch.from_numpy(pixels)
