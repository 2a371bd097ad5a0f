"""An image file to pixels; imports no torch, so that decoding processes start at once."""

import io
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cnncompare.errors import DataError

_UNREADABLE = (
    *(OSError, SyntaxError, ValueError, EOFError, struct.error, IndexError, KeyError, TypeError),
    Image.DecompressionBombError,
)  # what PIL raises for files that are cut or overwritten


class CorruptImageError(DataError):
    """A file that is no image, or not a whole one."""


class Form(NamedTuple):
    """What every image is brought to: shorter side to `resize`, the centre `size` cut out.

    `size` null leaves its own, which must be `height, width`; `resize` null is `size`; with
    `squash` both sides become `resize`.
    """

    channels: int
    height: int
    width: int
    size: int | None
    like: str  # the file whose size the others must have
    resize: int | None = None
    interpolation: str = "bilinear"
    squash: bool = False


class Member(NamedTuple):
    """A file inside an uncompressed archive, read in place."""

    archive: str
    name: str
    start: int
    size: int

    def __str__(self) -> str:
        return f"{self.name} in {self.archive}"


File = str | Member


class Remark(NamedTuple):
    """What is to be said of one image: its colour mode if that is not RGB, or why it is corrupt."""

    row: int
    mode: str
    damage: str = ""


def decode(file: File, form: Form) -> NDArray[np.uint8]:
    """Return the image as uint8 [C, H, W]: shorter side scaled, centre cut out.

    As torchvision's Resize and CenterCrop do it; palettes, alpha and CMYK become RGB, grey is
    repeated. Raises CorruptImageError naming the file if it cannot be read, DataError if it has
    another size.
    """
    return decode_with_mode(file, form)[0]


def decode_with_mode(file: File, form: Form) -> tuple[NDArray[np.uint8], str]:
    """Return what `decode` does, and PIL's colour mode of the file, such as RGB, L or CMYK."""
    try:
        with Image.open(_content(file)) as image:
            image.load()
    except _UNREADABLE as error:
        raise _unreadable(file, error) from None
    if form.size is None and image.size != (form.width, form.height):
        raise _differs(file, image.size, form)
    return pixels_of(image, form), image.mode


def pixels_of(image: Image.Image, form: Form) -> NDArray[np.uint8]:
    """Return an opened image as uint8 [C, H, W], see `decode`."""
    coloured = _coloured(image, form.channels)
    if form.size is not None:
        coloured = _fitted(coloured, form)
    pixels = np.asarray(coloured)
    return pixels[None] if form.channels == 1 else np.moveaxis(pixels, 2, 0)


def size_of(file: File) -> tuple[int, int]:
    """Return width and height from the file's header. Raises CorruptImageError naming the file."""
    try:
        with Image.open(_content(file)) as image:
            return image.size
    except _UNREADABLE as error:
        raise _unreadable(file, error) from None


def check_sizes(files: Sequence[File], form: Form, forgive: bool) -> None:
    """Raise DataError naming two files if one has not the form's size.

    A corrupt one raises CorruptImageError, or is passed over with `forgive`.
    """
    for file in files:
        try:
            size = size_of(file)
        except CorruptImageError:
            if not forgive:
                raise
            continue
        if size != (form.width, form.height):
            raise _differs(file, size, form)


def decode_into(
    out_file: Path, offset: int, row: int, files: Sequence[File], form: Form, forgive: bool
) -> list[Remark]:
    """Write the images' bytes one after the other into a file from `offset` on.

    The first is `row`. A corrupt one raises CorruptImageError, or with `forgive` becomes zeros
    and a remark. Ordinary writes, not a memory map: on a full disk a map kills the process
    without a word.
    """
    remarks = []
    with open(out_file, "r+b") as out:
        out.seek(offset)
        for number, file in enumerate(files):
            pixels, remark = decode_or_remark(row + number, file, form)
            if remark is not None:
                if remark.damage and not forgive:
                    raise CorruptImageError(remark.damage)
                remarks.append(remark)
            out.write(np.ascontiguousarray(pixels).data)
    return remarks


def decode_or_remark(row: int, file: File, form: Form) -> tuple[NDArray[np.uint8], Remark | None]:
    """Return the image as uint8 [C, H, W], zeros if it is corrupt, and what is to be said of it."""
    try:
        pixels, mode = decode_with_mode(file, form)
    except CorruptImageError as error:
        return np.zeros(form[:3], np.uint8), Remark(row, "", str(error))
    return pixels, Remark(row, mode) if mode != "RGB" else None


def _content(file: File) -> str | BinaryIO:
    if isinstance(file, str):
        return file
    with open(file.archive, "rb") as archive:
        archive.seek(file.start)
        return io.BytesIO(archive.read(file.size))


def _coloured(image: Image.Image, channels: int) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits of grey, which PIL would clip at 255
        return Image.fromarray((np.asarray(image) >> 8).clip(0, 255).astype(np.uint8)).convert(
            "L" if channels == 1 else "RGB"
        )
    if image.mode == "P" and "transparency" in image.info:
        return image.convert("RGBA").convert("L" if channels == 1 else "RGB")
    return image.convert("L" if channels == 1 else "RGB")


def _fitted(image: Image.Image, form: Form) -> Image.Image:
    assert form.size is not None
    size, target = form.size, _scaled(*image.size, form.resize or form.size, form.squash)
    if target != image.size:
        image = image.resize(target, Image.Resampling[form.interpolation.upper()])
    left, top = round((image.width - size) / 2), round((image.height - size) / 2)
    return image.crop((left, top, left + size, top + size))


def _scaled(width: int, height: int, resize: int, squash: bool) -> tuple[int, int]:
    """Return width and height after scaling; the longer side is cut to an integer, not rounded."""
    if squash:
        return resize, resize
    short = min(width, height)
    return (
        resize if width == short else int(resize * width / short),
        resize if height == short else int(resize * height / short),
    )


def _unreadable(file: File, error: BaseException) -> CorruptImageError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    reason = "not an image" if "cannot identify image file" in reason else reason
    return CorruptImageError(f"{file} cannot be read ({reason}); replace it or take it out")


def _differs(file: File, size: tuple[int, int], form: Form) -> DataError:
    return DataError(
        f"images differ in size: {form.like} has {form.width}x{form.height}, {file} has "
        f"{size[0]}x{size[1]}; give one size for all, such as data.image_size=224"
    )
