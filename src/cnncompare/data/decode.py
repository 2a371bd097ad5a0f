"""Decode image files to arrays, without torch, so that worker processes start at once."""

import hashlib
import io
import os
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cnncompare.data.pixels import (
    PixelRanges,
    UnsupportedPixelsError,
    convert,
    load_image,
    upright_size,
)
from cnncompare.errors import DataError

UNREADABLE = (
    *(OSError, SyntaxError, ValueError, EOFError, struct.error, IndexError, KeyError, TypeError),
    Image.DecompressionBombError,
)  # raised by PIL for truncated or overwritten files


class CorruptImageError(DataError):
    """An image file that cannot be decoded."""


class DecodeOptions(NamedTuple):
    """The target format of all images: shorter side resized to `resize`, centre crop of `size`.

    Without `size`, images are not resized and must be `width` x `height`. `resize` defaults to
    `size`. With `squash`, both sides are resized to `resize`. The pixels of own images are
    converted by the rules of `pixels`, with the ranges of the set; `as_pretrained` converts them as
    the transforms of pretrained weights do.
    """

    channels: int
    height: int
    width: int
    size: int | None  # pixels of each side of the crop
    reference_file: str  # the image that `height` and `width` were read from
    resize: int | None = None
    interpolation: str = "bilinear"
    squash: bool = False
    ranges: PixelRanges = PixelRanges()
    as_pretrained: bool = False


RGB_AS_STORED = DecodeOptions(channels=3, height=0, width=0, size=None, reference_file="")


class ArchiveMember(NamedTuple):
    """A file within an uncompressed archive, read without unpacking the archive."""

    archive: str
    name: str
    start: int  # byte offset of the content
    size: int  # bytes

    def __str__(self) -> str:
        return f"{self.name} in {self.archive}"


ImagePath = str | ArchiveMember


class DecodeNote(NamedTuple):
    """A colour mode other than RGB, or the reason why an image is corrupt."""

    row: int
    mode: str
    error: str = ""


def decode(file: ImagePath, options: DecodeOptions) -> NDArray[np.uint8]:
    """Return the image as uint8 [C, H, W], resized and centre-cropped.

    The result equals that of torchvision's Resize and CenterCrop. Palettes and CMYK are converted
    to RGB; grey is repeated. Raises CorruptImageError if the file cannot be decoded and DataError
    if its size differs from that of the other images or no rule covers its pixels.
    """
    return decode_with_mode(file, options)[0]


def decode_with_mode(file: ImagePath, options: DecodeOptions) -> tuple[NDArray[np.uint8], str]:
    """Return the result of `decode` and PIL's colour mode of the file, such as RGB, L or CMYK."""
    image, mode = read_image(file, options)
    if options.size is None and image.size != (options.width, options.height):
        raise _size_error(file, image.size, options)
    return to_pixels(image, options), mode


def hash_pixels(files: Sequence[ImagePath], allow_corrupt: bool) -> list[bytes]:
    """Return the SHA-256 of each image's size and RGB pixels as converted, before any resizing.

    A corrupt image raises CorruptImageError, or with `allow_corrupt` equals no other image.
    """
    hashes = []
    for file in files:
        try:
            pixels = to_pixels(read_image(file, RGB_AS_STORED)[0], RGB_AS_STORED)
            hashes.append(pixel_hash(pixels))
        except CorruptImageError:
            if not allow_corrupt:
                raise
            hashes.append(hashlib.sha256(os.fsencode(str(file))).digest())
    return hashes


def pixel_hash(pixels: NDArray[np.uint8]) -> bytes:
    """Return the SHA-256 of the shape and pixels of an image [C, H, W]."""
    return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).digest()


def read_image(file: ImagePath, options: DecodeOptions) -> tuple[Image.Image, str]:
    """Return the whole image and PIL's mode of the file. Raises CorruptImageError and DataError."""
    try:
        if options.as_pretrained:
            with Image.open(_open_content(file)) as image:
                image.load()
            return image, image.mode
        loaded = load_image(lambda: _open_content(file))
        return convert(loaded, options.ranges), loaded.image.mode
    except UnsupportedPixelsError as error:
        raise unsupported_error(file, error) from None
    except UNREADABLE as error:
        raise _corrupt_error(file, error) from None


def to_pixels(image: Image.Image, options: DecodeOptions) -> NDArray[np.uint8]:
    """Return an opened image as uint8 [C, H, W]; see `decode`."""
    converted = _convert_colours(image, options.channels)
    if options.size is not None:
        converted = _resize_and_crop(converted, options)
    pixels = np.asarray(converted)
    return pixels[None] if options.channels == 1 else np.moveaxis(pixels, 2, 0)


def read_size(file: ImagePath) -> tuple[int, int]:
    """Read width and height, once upright, from the file's header. Raises CorruptImageError."""
    try:
        with Image.open(_open_content(file)) as image:
            return upright_size(image)
    except UNREADABLE as error:
        raise _corrupt_error(file, error) from None


def check_sizes(files: Sequence[ImagePath], options: DecodeOptions, allow_corrupt: bool) -> None:
    """Raise DataError if the size of a file differs from that in `options`.

    A corrupt file raises CorruptImageError, or is skipped with `allow_corrupt`.
    """
    for file in files:
        try:
            size = read_size(file)
        except CorruptImageError:
            if not allow_corrupt:
                raise
            continue
        if size != (options.width, options.height):
            raise _size_error(file, size, options)


def decode_into(
    out_file: Path,
    offset: int,
    row: int,
    files: Sequence[ImagePath],
    options: DecodeOptions,
    allow_corrupt: bool,
) -> list[DecodeNote]:
    """Decode images and write their pixels to `out_file`, starting at byte `offset`.

    `row` is the row of the first image. A corrupt image raises CorruptImageError; with
    `allow_corrupt` it is written as zeros and reported in a note. The file is written, not memory
    mapped, because on a full disk a memory map kills the process without a message.
    """
    notes = []
    with open(out_file, "r+b") as out:
        out.seek(offset)
        for number, file in enumerate(files):
            pixels, note = try_decode(row + number, file, options)
            if note is not None:
                if note.error and not allow_corrupt:
                    raise CorruptImageError(note.error)
                notes.append(note)
            out.write(np.ascontiguousarray(pixels).data)
    return notes


def try_decode(
    row: int, file: ImagePath, options: DecodeOptions
) -> tuple[NDArray[np.uint8], DecodeNote | None]:
    """Return the image as uint8 [C, H, W], zeros if it is corrupt, and a note if there is one."""
    try:
        pixels, mode = decode_with_mode(file, options)
    except CorruptImageError as error:
        return np.zeros(options[:3], np.uint8), DecodeNote(row, "", str(error))
    return pixels, DecodeNote(row, mode) if mode != "RGB" else None


def _open_content(file: ImagePath) -> str | BinaryIO:
    if isinstance(file, str):
        return file
    with open(file.archive, "rb") as archive:
        archive.seek(file.start)
        return io.BytesIO(archive.read(file.size))


def _convert_colours(image: Image.Image, channels: int) -> Image.Image:
    mode = "L" if channels == 1 else "RGB"
    if image.mode.startswith("I"):  # 16-bit grey, which PIL would clip at 255
        grey = (np.asarray(image) >> 8).clip(0, 255).astype(np.uint8)
        return Image.fromarray(grey).convert(mode)
    if image.mode == "P" and "transparency" in image.info:
        return image.convert("RGBA").convert(mode)
    return image.convert(mode)


def _resize_and_crop(image: Image.Image, options: DecodeOptions) -> Image.Image:
    assert options.size is not None
    size = options.size
    target = _resized_shape(*image.size, options.resize or size, options.squash)
    if target != image.size:
        image = image.resize(target, Image.Resampling[options.interpolation.upper()])
    left, top = round((image.width - size) / 2), round((image.height - size) / 2)
    return image.crop((left, top, left + size, top + size))


def _resized_shape(width: int, height: int, resize: int, squash: bool) -> tuple[int, int]:
    """Return width and height after resizing; the longer side is truncated, not rounded."""
    if squash:
        return resize, resize
    short = min(width, height)
    return (
        resize if width == short else int(resize * width / short),
        resize if height == short else int(resize * height / short),
    )


def unsupported_error(file: ImagePath, error: UnsupportedPixelsError) -> DataError:
    """Return the error for an image with pixels that no rule covers."""
    return DataError(f"{_named(file)} has {error}; save it with 8 or 16 bits")


def _corrupt_error(file: ImagePath, error: BaseException) -> CorruptImageError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    if "cannot identify image file" in reason:
        reason = "not an image"
        if isinstance(file, str) and _is_tiff(file):
            reason = "a TIFF file of an unsupported pixel format, or corrupt"
    return CorruptImageError(f"{_named(file)} cannot be read ({reason}); replace it or remove it")


def _is_tiff(file: str) -> bool:
    with open(file, "rb") as content:
        return content.read(4) in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def _size_error(file: ImagePath, size: tuple[int, int], options: DecodeOptions) -> DataError:
    return DataError(
        f"images differ in size: {options.reference_file} has {options.width}x{options.height}, "
        f"{_named(file)} has {size[0]}x{size[1]}; set one size for all, such as data.image_size=224"
    )


def _named(file: ImagePath) -> str:
    """Return the name for messages; records and reports cannot store bytes that are not UTF-8."""
    return str(file).encode("utf-8", "backslashreplace").decode()
