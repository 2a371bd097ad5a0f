"""Pixels of own images compared with the values they were made from."""

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps

from cnncompare.data.decode import DecodeOptions, decode, read_size
from cnncompare.data.pixels import PixelRanges, used_bits
from cnncompare.errors import DataError

OPTIONS = DecodeOptions(channels=3, height=32, width=32, size=32, reference_file="")
RAMP = np.arange(1024).reshape(32, 32)
ORIENTATION = 0x0112


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def write_png(path: Path, values: NDArray[Any], colour_type: int) -> None:
    """Write a 16-bit PNG, which PIL cannot do for colour; types 2, 4 and 6: RGB, LA and RGBA."""
    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)


def decoded(path: Path, **changes: Any) -> NDArray[np.uint8]:
    return np.moveaxis(decode(str(path), OPTIONS._replace(**changes)), 0, 2)


@pytest.mark.parametrize(("bits", "largest"), [(8, 255), (10, 1023), (12, 4095), (14, 16383)])
def test_sixteen_bit_images_are_scaled_from_the_bits_they_use(
    tmp_path: Path, bits: int, largest: int
) -> None:
    values = (RAMP * largest // 1023).astype(np.uint16)
    Image.fromarray(values).save(tmp_path / "image.png")
    expected = values // 2 ** (bits - 8)
    np.testing.assert_array_equal(decoded(tmp_path / "image.png")[..., 1], expected)
    assert used_bits(largest) == bits
    assert used_bits(largest + 1) == bits + 2


def test_the_range_of_the_set_applies_to_every_image(tmp_path: Path) -> None:
    values = (RAMP // 2).astype(np.uint16)  # alone, it would count as 10 bits
    Image.fromarray(values).save(tmp_path / "image.png")
    pixels = decoded(tmp_path / "image.png", ranges=PixelRanges(bits=12))
    np.testing.assert_array_equal(pixels[..., 0], values // 16)


@pytest.mark.parametrize("order", ["<u2", ">u2"])
@pytest.mark.parametrize("suffix", [".tif", ".png"])
def test_both_byte_orders_have_the_same_pixels(tmp_path: Path, order: str, suffix: str) -> None:
    Image.fromarray((RAMP * 4).astype(order)).save(tmp_path / f"image{suffix}")
    np.testing.assert_array_equal(decoded(tmp_path / f"image{suffix}")[..., 0], RAMP // 4)


@pytest.mark.parametrize("largest", [4095, 65535])
def test_a_pgm_file_names_its_range(tmp_path: Path, largest: int) -> None:
    values = (RAMP * (largest // 1024)).astype(">u2")
    (tmp_path / "image.pgm").write_bytes(b"P5 32 32 %d\n" % largest + values.tobytes())
    pixels = decoded(tmp_path / "image.pgm")[..., 0].astype(int)
    assert abs(pixels - values.astype(float) * 255 / largest).max() <= 1


@pytest.mark.parametrize(("colour_type", "channels"), [(2, 3), (4, 2), (6, 4)])
@pytest.mark.parametrize("bits", [12, 16])
def test_colour_of_sixteen_bits_keeps_its_low_bytes(
    tmp_path: Path, colour_type: int, channels: int, bits: int
) -> None:
    draws = np.random.default_rng(0)
    values = draws.integers(0, 2**bits, (32, 32, channels)).astype(np.uint16)
    if channels in (2, 4):
        values[..., -1] = 65535  # opaque, and no sign of a range of 16 bits
    write_png(tmp_path / "image.png", values, colour_type)
    colours = values[..., :3] if channels > 2 else np.repeat(values[..., :1], 3, axis=2)
    np.testing.assert_array_equal(decoded(tmp_path / "image.png"), colours >> (bits - 8))


def test_a_big_endian_tiff_in_colour_keeps_its_low_bytes(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 4096, (32, 32, 3)).astype(">u2")
    entries = [
        *((256, 3, 1, 32 << 16), (257, 3, 1, 32 << 16), (258, 3, 3, 122), (259, 3, 1, 1 << 16)),
        *((262, 3, 1, 2 << 16), (273, 4, 1, 128), (277, 3, 1, 3 << 16), (278, 3, 1, 32 << 16)),
        (279, 4, 1, values.nbytes),
    ]
    folder = struct.pack(">H", len(entries)) + b"".join(struct.pack(">HHII", *e) for e in entries)
    head = b"MM\0*" + struct.pack(">I", 8) + folder + b"\0" * 4
    head = head.ljust(122, b"\0") + struct.pack(">HHH", 16, 16, 16)
    (tmp_path / "image.tif").write_bytes(head + values.tobytes())
    np.testing.assert_array_equal(decoded(tmp_path / "image.tif"), values >> 4)


@pytest.mark.parametrize("largest", [1, 255])
def test_floating_point_pixels_are_scaled(tmp_path: Path, largest: int) -> None:
    values = np.linspace(0, largest, 1024, dtype=np.float32).reshape(32, 32)
    Image.fromarray(values).save(tmp_path / "f.tif")
    pixels = decoded(tmp_path / "f.tif")[..., 2]
    np.testing.assert_array_equal(pixels, np.linspace(0, 255, 1024).reshape(32, 32).round())
    assert len(np.unique(pixels)) == 256


def test_thirty_two_bit_integers_are_scaled_like_sixteen(tmp_path: Path) -> None:
    Image.fromarray((RAMP * 4).astype(np.int32)).save(tmp_path / "image.tif")
    np.testing.assert_array_equal(decoded(tmp_path / "image.tif")[..., 0], RAMP // 4)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            np.linspace(-3.1, 5e4, 1024, dtype=np.float32),
            "floating-point pixels from -3.1 to 50000",
        ),
        (np.full(1024, np.nan, np.float32), "floating-point pixels that are not numbers"),
        (np.full(1024, np.inf, np.float32), "floating-point pixels from inf to inf"),
        (np.linspace(-1, 70000, 1024).astype(np.int32), "32-bit pixels from -1 to 70000"),
    ],
)
def test_values_without_a_rule_are_refused_by_name(
    tmp_path: Path, values: NDArray[Any], message: str
) -> None:
    Image.fromarray(values.reshape(32, 32)).save(tmp_path / "f.tif")
    with pytest.raises(DataError, match=rf"f\.tif has {message}.*; save it with 8 or 16") as caught:
        decode(str(tmp_path / "f.tif"), OPTIONS)
    assert "\n" not in str(caught.value)


def test_a_tiff_that_pil_cannot_read_is_not_called_no_image(tmp_path: Path) -> None:
    Image.fromarray(RAMP.astype(np.float32)).save(tmp_path / "f.tif")
    content = (tmp_path / "f.tif").read_bytes()
    bits = struct.pack("<HHIHH", 258, 3, 1, 32, 0)
    assert bits in content
    (tmp_path / "f.tif").write_bytes(content.replace(bits, bits[:8] + b"\x40\0\0\0"))
    with pytest.raises(DataError, match="TIFF file of an unsupported pixel format"):
        decode(str(tmp_path / "f.tif"), OPTIONS)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_pixels_are_composed_on_white(tmp_path: Path, mode: str) -> None:
    colours = np.full((32, 32, 3), 100, np.uint8)
    alpha = np.full((32, 32), 255, np.uint8)
    alpha[:16], alpha[16:20] = 0, 51
    image = Image.fromarray(np.dstack([colours, alpha]))
    if mode == "P":  # one palette index per alpha
        image = Image.fromarray(alpha).convert("P")
        image.putpalette([100] * 768)
        image.info["transparency"] = bytes(range(256))
    else:
        image = image.convert(mode)
    image.save(tmp_path / "image.png")
    pixels = decoded(tmp_path / "image.png")[:, 0, 0]
    expected = [255] * 16 + [255 - 155 // 5] * 4 + [100] * 12  # an alpha of 51 is one fifth
    np.testing.assert_array_equal(pixels, expected)


def test_a_clear_colour_of_an_rgb_image_is_white(tmp_path: Path) -> None:
    pixels = np.full((32, 32, 3), 9, np.uint8)
    pixels[:5] = 0
    Image.fromarray(pixels).save(tmp_path / "image.png", transparency=(0, 0, 0))
    assert decoded(tmp_path / "image.png")[:, 3, 1].tolist() == [255] * 5 + [9] * 27


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_turned_upright(tmp_path: Path, suffix: str, orientation: int) -> None:
    smooth = np.linspace(0, 250, 48 * 32).reshape(32, 48).astype(np.uint8)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    options: dict[str, Any] = {"lossless": True} if suffix == ".webp" else {}
    Image.fromarray(smooth).convert("RGB").save(
        tmp_path / f"image{suffix}", exif=exif, quality=95, **options
    )
    size = (48, 32) if orientation < 5 else (32, 48)
    assert read_size(str(tmp_path / f"image{suffix}")) == size
    pixels = decoded(tmp_path / f"image{suffix}", size=None, width=size[0], height=size[1])
    with Image.open(tmp_path / f"image{suffix}") as image:
        np.testing.assert_array_equal(pixels, np.asarray(ImageOps.exif_transpose(image)))


def test_sixteen_bit_images_are_turned_too(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    Image.fromarray((RAMP * 4).astype(np.uint16)).save(tmp_path / "image.png", exif=exif)
    np.testing.assert_array_equal(decoded(tmp_path / "image.png")[..., 0], np.rot90(RAMP // 4, -1))


def test_an_orientation_after_the_pixels_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 3
    grey = (RAMP // 4).astype(np.uint8)
    Image.fromarray(grey).save(tmp_path / "image.png")
    content = (tmp_path / "image.png").read_bytes()
    (tmp_path / "image.png").write_bytes(
        content[:-12] + chunk(b"eXIf", exif.tobytes()[6:]) + content[-12:]
    )
    np.testing.assert_array_equal(decoded(tmp_path / "image.png")[..., 0], grey[::-1, ::-1])


def test_invalid_metadata_do_not_make_an_image_unreadable(tmp_path: Path) -> None:
    image = Image.fromarray((RAMP // 4).astype(np.uint8))
    image.save(tmp_path / "image.png", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
    np.testing.assert_array_equal(decoded(tmp_path / "image.png")[..., 0], RAMP // 4)


def test_lab_colours_are_converted(tmp_path: Path) -> None:
    colours = Image.new("RGB", (32, 32), (200, 80, 40))
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    image = ImageCms.profileToProfile(colours, srgb, lab, outputMode="LAB")
    assert image is not None
    image.save(tmp_path / "image.tif")
    assert abs(decoded(tmp_path / "image.tif").astype(int) - [200, 80, 40]).max() <= 4


@pytest.mark.parametrize("mode", ["I;16", "RGBA", "CMYK"])
def test_transforms_of_pretrained_weights_stay_as_they_are(tmp_path: Path, mode: str) -> None:
    draws = np.random.default_rng(0)
    if mode == "I;16":
        image = Image.fromarray((RAMP * 4).astype(np.uint16))
        expected = np.repeat((RAMP * 4 >> 8)[..., None], 3, axis=2)
    else:
        image = Image.fromarray(draws.integers(0, 256, (32, 32, 4), np.uint8), mode)
        expected = np.asarray(image.convert("RGB"))
    exif = Image.Exif()
    exif[ORIENTATION] = 3
    path = tmp_path / ("image.tif" if mode == "CMYK" else "image.png")
    options: dict[str, Any] = {} if mode == "CMYK" else {"exif": exif}
    image.save(path, **options)
    np.testing.assert_array_equal(decoded(path, as_pretrained=True), expected)
