"""Conversion of own images to 8 bits per channel, upright and opaque; docs/data.md has the rules.

Imports no torch.
"""

from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms

RULES_VERSION = 1  # part of the names of caches; increase it whenever a rule changes

_BITS = (8, 10, 12, 14, 16)  # ranges of cameras and scanners that are saved with 16 bits
_LOW_BYTES = {"B": "L", "L": "B", "N": "B"}  # byte order of the file: that of the other byte
_COLOUR_16 = ("RGB", "RGBA", "RGBX", "LA")
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # by EXIF orientation


class UnsupportedPixelsError(Exception):
    """Pixel values without a rule; the message completes "FILE has ...; save it with ..."."""


class PixelRanges(NamedTuple):
    """Ranges of pixel values that all images of a set share; None: that of each image alone."""

    bits: int | None = None  # used by the 16-bit images
    floating: float | None = None  # largest value of the floating-point images: 1 or 255

    @classmethod
    def of_kinds(cls, largest: Mapping[str, int]) -> "PixelRanges":
        """Return the ranges whose `by_kind` is `largest`."""
        bits, floating = largest.get("16-bit"), largest.get("floating-point")
        return cls(bits and bits.bit_length(), None if floating is None else float(floating))

    def by_kind(self) -> dict[str, int]:
        """Return the largest values of the ranges that the set has, by kind of image."""
        ranges = {"16-bit": self.bits and 2**self.bits - 1, "floating-point": self.floating}
        return {kind: int(largest) for kind, largest in ranges.items() if largest is not None}


class LoadedImage(NamedTuple):
    """An image with the values of its pixels if they have more than 8 bits.

    `values` are [H, W] or [H, W, C], without the alpha channel, which PIL reduces to 8 bits.
    """

    image: Image.Image
    values: NDArray[Any] | None
    stated_range: bool = False  # the file names its largest value, to which the values are scaled


def load_image(open_content: Callable[[], str | BinaryIO]) -> LoadedImage:
    """Read an image with all of its bits. Raises what PIL raises, and UnsupportedPixelsError."""
    with Image.open(open_content()) as image:
        raw_mode, is_pnm = _raw_mode(image), image.format == "PPM"
        image.load()
    if image.mode == "F" or image.mode.startswith("I"):
        return LoadedImage(image, np.asarray(image), stated_range=is_pnm)
    if ";16" not in raw_mode:
        return LoadedImage(image, None)
    return LoadedImage(image, _colour_values(image, raw_mode, open_content))


def has_wide_pixels(image: Image.Image) -> bool:
    """Return whether an opened image has more than 8 bits per channel, from its header."""
    return image.mode == "F" or image.mode.startswith("I") or ";16" in _raw_mode(image)


def has_alpha(image: Image.Image) -> bool:
    """Return whether an image has an alpha channel, or a colour or palette entry that is clear."""
    return image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info


def orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8, where 1 is upright; invalid metadata count as 1."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # PIL raises many types for invalid metadata
        return 1
    return value if value in _UPRIGHT else 1


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Return width and height of an opened image after it is turned upright."""
    width, height = image.size
    is_turned = image.format != "TIFF" and orientation(image) >= 5  # PIL itself turns TIFF files
    return (height, width) if is_turned else (width, height)


def convert(loaded: LoadedImage, ranges: PixelRanges) -> Image.Image:
    """Return the image with 8 bits per channel, upright and, if it is not opaque, on white.

    Its mode is one that PIL converts to L and RGB. Raises UnsupportedPixelsError for values that
    no rule covers.
    """
    image = loaded.image if loaded.values is None else _from_values(loaded, ranges)
    turn = _UPRIGHT.get(orientation(loaded.image))
    if turn is not None:
        image = image.transpose(turn)
    if is_transparent(image):
        clear = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert("RGB")
    return _from_lab(image) if image.mode == "LAB" else image


def is_transparent(image: Image.Image) -> bool:
    """Return whether any pixel of a loaded image is not opaque."""
    if not has_alpha(image):
        return False
    return image.convert("RGBA").getchannel("A").getextrema() != (255, 255)


def used_bits(largest: int) -> int:
    """Return the number of bits, 8 to 16 in steps of 2, that hold values up to `largest`."""
    return next(bits for bits in _BITS if largest < 2**bits)


def check_values(values: NDArray[Any]) -> float:
    """Return the largest value. Raises UnsupportedPixelsError unless a rule covers the values.

    The rules cover integers from 0 to 65535, and floating-point values from 0 to 255.
    """
    low, high = float(values.min()), float(values.max())
    is_floating = values.dtype.kind == "f"
    if not 0 <= low <= high <= (255 if is_floating else 65535):
        kind = "floating-point" if is_floating else "32-bit"
        extent = f"from {low:g} to {high:g}" if low <= high else "that are not numbers"
        raise UnsupportedPixelsError(f"{kind} pixels {extent}")
    return high


def _from_values(loaded: LoadedImage, ranges: PixelRanges) -> Image.Image:
    values = loaded.values
    assert values is not None
    largest = check_values(values)
    if values.dtype.kind == "f":
        scale = 255 if (ranges.floating or largest) <= 1 else 1
        return Image.fromarray((values * scale).round().astype(np.uint8))
    bits = 16 if loaded.stated_range else ranges.bits or used_bits(int(largest))
    image = Image.fromarray((values >> (bits - 8)).clip(0, 255).astype(np.uint8))
    if loaded.image.mode == "RGBA":
        image.putalpha(loaded.image.getchannel("A"))
    return image


def _from_lab(image: Image.Image) -> Image.Image:
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
    assert converted is not None  # None only for an in-place conversion
    return converted


def _raw_mode(image: Any) -> str:
    """Return PIL's name of the pixel format in the file, such as RGB;16B, of an unread image."""
    tiles = getattr(image, "tile", None)
    arguments = tiles[0][3] if tiles else ""
    first = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return first if isinstance(first, str) else ""


def _colour_values(
    image: Image.Image, raw_mode: str, open_content: Callable[[], str | BinaryIO]
) -> NDArray[np.uint16]:
    """Return 16-bit colour values, uint16 [H, W, 3], of which PIL itself keeps the high bytes."""
    channels, _, order = raw_mode.partition(";16")
    if channels not in _COLOUR_16 or order not in _LOW_BYTES:
        raise UnsupportedPixelsError(f"16-bit {channels} pixels")
    if channels == "LA":
        both = np.asarray(_load_as("RGBA", "RGBA", open_content)).astype(np.uint16)
        return np.repeat(both[..., :1] << 8 | both[..., 1:2], 3, axis=2)
    low = _load_as(f"{channels};16{_LOW_BYTES[order]}", image.mode, open_content)
    values: NDArray[np.uint16] = np.asarray(image).astype(np.uint16) << 8 | np.asarray(low)
    return values[..., :3]


def _load_as(raw_mode: str, mode: str, open_content: Callable[[], str | BinaryIO]) -> Image.Image:
    """Read an image as if its pixels had another format with the same number of bits."""
    opened: Any
    with Image.open(open_content()) as opened:
        opened.tile = [tile._replace(args=_renamed(tile.args, raw_mode)) for tile in opened.tile]
        opened._mode = mode
        opened.load()
    image: Image.Image = opened
    return image


def _renamed(arguments: Any, raw_mode: str) -> Any:
    return (raw_mode, *arguments[1:]) if isinstance(arguments, tuple) else raw_mode
