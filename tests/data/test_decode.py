"""Decoding compared with torchvision's and timm's transforms, for all colour modes."""

from pathlib import Path

import numpy as np
import pytest
import timm.data
from PIL import Image
from torchvision.transforms import InterpolationMode, v2

from cnncompare.data.decode import ArchiveMember, DecodeOptions, decode, read_size
from cnncompare.errors import DataError

OPTIONS = DecodeOptions(channels=3, height=24, width=24, size=24, reference_file="")


def photo(width: int, height: int, mode: str = "RGB") -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels).convert(mode)


@pytest.mark.parametrize("size", [(24, 24), (31, 50), (101, 40), (20, 7), (24, 37), (25, 24)])
def test_resize_to_the_crop_size_equals_torchvision(tmp_path: Path, size: tuple[int, int]) -> None:
    image = photo(*size)
    image.save(tmp_path / "image.png")
    reference = v2.Compose([v2.Resize(24), v2.CenterCrop(24), v2.PILToTensor()])(image)
    np.testing.assert_array_equal(decode(str(tmp_path / "image.png"), OPTIONS), reference.numpy())


SIZES = [(64, 64), (40, 40), (47, 41), (53, 131), (200, 61), (41, 640), (39, 40), (40, 57)]


@pytest.mark.parametrize("interpolation", list(InterpolationMode))
@pytest.mark.parametrize(("resize", "crop"), [(40, 32), (41, 32), (32, 32), (47, 24)])
def test_resize_and_crop_equal_torchvision(
    tmp_path: Path, interpolation: InterpolationMode, resize: int, crop: int
) -> None:
    """All interpolations of torchvision, whose nearest-exact is PIL's nearest."""
    name = interpolation.value.removesuffix("-exact")
    options = DecodeOptions(
        3, crop, crop, crop, reference_file="", resize=resize, interpolation=name
    )
    steps = [v2.Resize(resize, interpolation), v2.CenterCrop(crop), v2.PILToTensor()]
    for number, size in enumerate(SIZES):
        path = tmp_path / f"{number}.png"
        photo(*size).save(path)
        expected = v2.Compose(steps)(Image.open(path).convert("RGB")).numpy()
        np.testing.assert_array_equal(decode(str(path), options), expected, err_msg=f"{size}")


@pytest.mark.parametrize("crop_mode", ["center", "squash"])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "nearest", "lanczos", "box"])
@pytest.mark.parametrize("crop_pct", [0.875, 0.95, 1.0])
def test_resize_and_crop_equal_timm(
    tmp_path: Path, crop_mode: str, interpolation: str, crop_pct: float
) -> None:
    transform = timm.data.create_transform(
        input_size=(3, 32, 32),
        interpolation=interpolation,
        crop_pct=crop_pct,
        crop_mode=crop_mode,
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
    )
    squash = crop_mode == "squash"
    options = DecodeOptions(3, 32, 32, 32, "", int(32 / crop_pct), interpolation, squash)
    for number, size in enumerate(SIZES):
        path = tmp_path / f"{number}.png"
        photo(*size).save(path)
        expected = (transform(Image.open(path).convert("RGB")) * 255).round().byte().numpy()
        np.testing.assert_array_equal(decode(str(path), options), expected, err_msg=f"{size}")


def test_an_archive_member_is_read_without_unpacking(tmp_path: Path) -> None:
    photo(31, 50).save(tmp_path / "cat.png")
    content = (tmp_path / "cat.png").read_bytes()
    (tmp_path / "all.tar").write_bytes(b"before" + content + b"after")
    member = ArchiveMember(str(tmp_path / "all.tar"), "val/cat.png", 6, len(content))
    expected = decode(str(tmp_path / "cat.png"), OPTIONS)
    np.testing.assert_array_equal(decode(member, OPTIONS), expected)
    with pytest.raises(
        DataError, match=r"val/cat\.png in .*all\.tar cannot be read \(not an image"
    ):
        decode(member._replace(start=0), OPTIONS)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P", "1", "CMYK"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_colour_mode_is_converted_to_the_requested_channels(
    tmp_path: Path, mode: str, channels: int
) -> None:
    image = photo(24, 24, mode)
    path = tmp_path / ("image.tif" if mode == "CMYK" else "image.png")
    image.save(path)
    expected = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    pixels = decode(str(path), OPTIONS._replace(channels=channels))
    assert (pixels.shape, pixels.dtype) == ((channels, 24, 24), np.uint8)
    np.testing.assert_array_equal(np.moveaxis(pixels, 0, 2).squeeze(), expected)


def test_sixteen_bits_of_grey_are_scaled_not_clipped(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 24 * 24).reshape(24, 24).astype(np.uint16)
    Image.fromarray(ramp).save(tmp_path / "image.png")
    pixels = decode(str(tmp_path / "image.png"), OPTIONS)
    np.testing.assert_array_equal(pixels[1], ramp // 256)


def test_a_palette_with_transparent_entries_is_read_without_a_warning(tmp_path: Path) -> None:
    image = photo(24, 24).quantize(16)
    image.save(tmp_path / "image.png", transparency=bytes(range(16)))
    assert decode(str(tmp_path / "image.png"), OPTIONS).shape == (3, 24, 24)


def test_a_text_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cat.jpg"
    path.write_text("no image")
    with pytest.raises(DataError, match=r"cat\.jpg cannot be read \(not an image\)"):
        decode(str(path), OPTIONS)
    with pytest.raises(DataError, match=r"cat\.jpg cannot be read \(not an image\)"):
        read_size(str(path))


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp", ".tif"])
def test_a_truncated_image_is_named(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"cat{suffix}"
    photo(64, 64).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=rf"cat\{suffix} cannot be read \(.+\); replace it"):
        decode(str(path), OPTIONS)


def test_an_image_of_another_size_is_named_with_the_reference(tmp_path: Path) -> None:
    photo(24, 20).save(tmp_path / "b.png")
    options = DecodeOptions(3, 24, 24, None, reference_file="a.png")
    with pytest.raises(DataError, match=r"a\.png has 24x24, .*b\.png has 24x20.*image_size=224"):
        decode(str(tmp_path / "b.png"), options)
