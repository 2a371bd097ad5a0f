"""Properties of single images that an audit compares; imports no torch, for worker processes."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from cnncompare.data.decode import (
    RGB_AS_STORED,
    ImagePath,
    pixel_hash,
    read_image,
    to_pixels,
)
from cnncompare.errors import DataError

THUMBNAIL_SIZE = 16  # pixels of each side


class ImageProperties(NamedTuple):
    """An image as stored; with an `error`, the other values are empty."""

    width: int = 0
    height: int = 0
    mode: str = ""  # of PIL
    pixel_hash: bytes = b""  # SHA-256 of shape and RGB pixels
    perceptual_hash: int = 0  # 64 bits
    thumbnail: bytes = b""  # RGB, THUMBNAIL_SIZE squared
    error: str = ""


def inspect_files(files: Sequence[ImagePath]) -> list[ImageProperties]:
    """Return the properties of each file."""
    return [_inspect_file(file) for file in files]


def inspect_image(image: Image.Image, mode: str | None = None) -> ImageProperties:
    """Return the properties of a decoded image; `mode` is that of its file, if it has one."""
    from imagehash import phash

    pixels = to_pixels(image, RGB_AS_STORED)
    colour = Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    thumbnail = colour.resize((THUMBNAIL_SIZE, THUMBNAIL_SIZE), Image.Resampling.BOX)
    bits = np.packbits(phash(colour).hash.ravel())
    return ImageProperties(
        width=image.width,
        height=image.height,
        mode=mode or image.mode,
        pixel_hash=pixel_hash(pixels),
        perceptual_hash=int.from_bytes(bits.tobytes()),
        thumbnail=thumbnail.tobytes(),
    )


def _inspect_file(file: ImagePath) -> ImageProperties:
    try:
        return inspect_image(*read_image(file, RGB_AS_STORED))
    except DataError as error:
        return ImageProperties(error=str(error))
