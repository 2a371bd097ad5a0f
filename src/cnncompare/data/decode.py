"""An image file to pixels; imports no torch, so that decoding processes start at once."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cnncompare.errors import DataError

_UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)


class Form(NamedTuple):
    """What every image is brought to; `size` null leaves its own, which must be `height, width`."""

    channels: int
    height: int
    width: int
    size: int | None
    like: str  # the file whose size the others must have


def decode(path: str, form: Form) -> NDArray[np.uint8]:
    """Return the image as uint8 [C, H, W]: shorter side scaled (bilinear), centre cut out.

    As torchvision's Resize and CenterCrop do it; palettes, alpha and CMYK become RGB, grey is
    repeated. Raises DataError naming the file if it cannot be read or has another size.
    """
    try:
        with Image.open(path) as image:
            if form.size is None and image.size != (form.width, form.height):
                raise _differs(path, image.size, form)
            return pixels_of(image, form)
    except _UNREADABLE as error:
        raise _unreadable(path, error) from None


def pixels_of(image: Image.Image, form: Form) -> NDArray[np.uint8]:
    """Return an opened image as uint8 [C, H, W], see `decode`."""
    coloured = _coloured(image, form.channels)
    if form.size is not None:
        coloured = _fitted(coloured, form.size)
    pixels = np.asarray(coloured)
    return pixels[None] if form.channels == 1 else np.moveaxis(pixels, 2, 0)


def size_of(path: str) -> tuple[int, int]:
    """Return width and height from the file's header. Raises DataError naming the file."""
    try:
        with Image.open(path) as image:
            return image.size
    except _UNREADABLE as error:
        raise _unreadable(path, error) from None


def check_sizes(paths: Sequence[str], form: Form) -> None:
    """Raise DataError naming two files if one has not the form's size."""
    for path in paths:
        size = size_of(path)
        if size != (form.width, form.height):
            raise _differs(path, size, form)


def decode_into(file: Path, offset: int, paths: Sequence[str], form: Form) -> None:
    """Write the images' bytes one after the other into `file` from `offset` on.

    Ordinary writes, not a memory map: on a full disk a map kills the process without a word.
    """
    with open(file, "r+b") as out:
        out.seek(offset)
        for path in paths:
            out.write(np.ascontiguousarray(decode(path, form)).data)


def _coloured(image: Image.Image, channels: int) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits of grey, which PIL would clip at 255
        return Image.fromarray((np.asarray(image) >> 8).clip(0, 255).astype(np.uint8)).convert(
            "L" if channels == 1 else "RGB"
        )
    if image.mode == "P" and "transparency" in image.info:
        return image.convert("RGBA").convert("L" if channels == 1 else "RGB")
    return image.convert("L" if channels == 1 else "RGB")


def _fitted(image: Image.Image, size: int) -> Image.Image:
    width, height = image.size
    short = min(width, height)
    if short != size:
        width, height = (
            size if side == short else int(size * side / short) for side in (width, height)
        )
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    left, top = round((width - size) / 2), round((height - size) / 2)
    return image.crop((left, top, left + size, top + size))


def _unreadable(path: str, error: BaseException) -> DataError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    reason = "not an image" if "cannot identify image file" in reason else reason
    return DataError(f"{path} cannot be read ({reason}); replace it or take it out")


def _differs(path: str, size: tuple[int, int], form: Form) -> DataError:
    return DataError(
        f"images differ in size: {form.like} has {form.width}x{form.height}, {path} has "
        f"{size[0]}x{size[1]}; give one size for all, such as data.image_size=224"
    )
