"""Corruptions against their definitions: variances, colorsys, plain loops, PIL."""

import colorsys
import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy.stats import poisson
from sklearn.datasets import load_digits

from cnncompare.data.corruptions import (
    CORRUPTIONS,
    SEVERITIES,
    Pixels,
    corrupt,
    disk,
    motion_weights,
)

RANDOM = ("gaussian_noise", "shot_noise", "motion_blur")


def smooth_images(n: int, side: int, channels: int) -> Pixels:
    """Return images whose amplitudes fall with the frequency, as those of photos."""
    rng = np.random.default_rng(7)
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side))
    frequency[0, 0] = 1 / side
    noise = np.fft.fft2(rng.normal(size=(n, channels, side, side)))
    values = np.fft.ifft2(noise / frequency).real
    values = 128 + 50 * values / values.std(axis=(2, 3), keepdims=True)
    return np.asarray(values.clip(0, 255).transpose(0, 2, 3, 1).astype(np.uint8))


def grey(value: int, n: int = 20, side: int = 32, channels: int = 3) -> Pixels:
    return np.full((n, side, side, channels), value, dtype=np.uint8)


def difference(images: Pixels, name: str, severity: int) -> NDArray[np.float64]:
    return corrupt(images, name, severity, range(len(images))).astype(np.float64) - images


def test_there_are_eight_corruptions_of_five_severities() -> None:
    assert (len(CORRUPTIONS), SEVERITIES) == (8, (1, 2, 3, 4, 5))


@pytest.mark.parametrize(
    "images",
    [
        smooth_images(60, 32, 3),
        smooth_images(60, 17, 1),
        smooth_images(10, 48, 3),
        (load_digits().images[:150] * 255 / 16).astype(np.uint8)[..., None],
    ],
    ids=["32x32 RGB", "17x17 grey", "48x48 RGB", "digits"],
)
@pytest.mark.parametrize("name", CORRUPTIONS)
def test_the_distance_from_the_image_grows_with_the_severity(name: str, images: Pixels) -> None:
    distances = [np.square(difference(images, name, severity)).mean() for severity in SEVERITIES]
    assert distances[0] > 0
    assert distances == sorted(distances)
    assert len(set(distances)) == len(distances)


@pytest.mark.parametrize("side", [6, 7, 11, 12, 20, 27, 36])
def test_severities_of_pixelate_are_in_order_at_any_size(side: int) -> None:
    images = smooth_images(40, side, 1)
    distances = [np.square(difference(images, "pixelate", s)).mean() for s in SEVERITIES]
    assert distances == sorted(distances)


@pytest.mark.parametrize("shape", [(8, 8, 1), (1, 1, 3), (5, 40, 3), (2, 3, 1)])
@pytest.mark.parametrize("name", CORRUPTIONS)
def test_any_size_keeps_shape_and_type_and_the_input(
    name: str, shape: tuple[int, int, int]
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, *shape), dtype=np.uint8)
    before = images.copy()
    for severity in SEVERITIES:
        corrupted = corrupt(images, name, severity, [4, 5, 6])
        assert (corrupted.shape, corrupted.dtype) == (images.shape, np.uint8)
    assert (images == before).all()


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_an_image_is_corrupted_alike_in_every_batch(name: str) -> None:
    images = smooth_images(6, 32, 3)
    together = corrupt(images, name, 3, range(10, 16))
    alone = [corrupt(images[i : i + 1], name, 3, [10 + i])[0] for i in range(6)]
    assert (together == np.array(alone)).all()
    assert (corrupt(images[::-1], name, 3, range(15, 9, -1))[::-1] == together).all()


@pytest.mark.parametrize("name", RANDOM)
def test_positions_and_severities_have_noise_of_their_own(name: str) -> None:
    image = smooth_images(1, 32, 3).repeat(2, axis=0)
    first, second = corrupt(image, name, 2, [0, 1])
    assert (first != second).any()


def test_noises_of_two_severities_are_independent() -> None:
    images = grey(128)
    one, two = (difference(images, "gaussian_noise", s).ravel() for s in (1, 2))
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.02


@pytest.mark.parametrize(("severity", "sd"), list(enumerate((0.04, 0.06, 0.08, 0.09, 0.1), 1)))
def test_gaussian_noise_has_the_published_standard_deviation(severity: int, sd: float) -> None:
    noise = difference(grey(128), "gaussian_noise", severity)
    assert noise.mean() == pytest.approx(0, abs=0.5)
    assert noise.var() == pytest.approx((255 * sd) ** 2 + 1 / 12, rel=0.03)  # 1/12: rounding


@pytest.mark.parametrize("value", [26, 128, 250])
@pytest.mark.parametrize(("severity", "photons"), list(enumerate((500, 250, 100, 75, 50), 1)))
def test_shot_noise_is_a_rounded_poisson_count(severity: int, photons: int, value: int) -> None:
    counts = np.arange(1000)
    share = poisson.pmf(counts, value / 255 * photons)
    pixels = np.rint(counts * 255 / photons).clip(0, 255)
    mean = (share * pixels).sum()
    found = corrupt(grey(value), "shot_noise", severity, range(20))
    assert found.mean() == pytest.approx(mean, abs=0.5)
    assert found.var() == pytest.approx((share * (pixels - mean) ** 2).sum(), rel=0.04)


@pytest.mark.parametrize("name", ["defocus_blur", "motion_blur", "pixelate", "jpeg_compression"])
def test_a_uniform_image_stays_as_it_is(name: str) -> None:
    assert (difference(grey(93), name, 5) == 0).all()


def test_defocus_blur_is_a_correlation_with_reflected_edges() -> None:
    image = smooth_images(1, 9, 1)
    kernel = disk(1.5, 0.1)
    assert kernel.sum() == pytest.approx(1)
    assert (kernel > 1e-6).sum() == 9  # a disk of radius 1.5 has the corners of 3 x 3 pixels
    padded = np.pad(image[0, :, :, 0].astype(float), 1, mode="reflect")
    expected = np.array(
        [[padded[y : y + 3, x : x + 3].sum() / 9 for x in range(9)] for y in range(9)]
    )
    blurred = corrupt(image, "defocus_blur", 5, [0])[0, :, :, 0]
    assert np.abs(blurred - expected).max() <= 0.5 + 1e-6


def test_motion_blur_spreads_a_point_along_a_line() -> None:
    image = np.zeros((1, 33, 33, 1), dtype=np.uint8)
    image[0, 16, 16] = 255
    lengths = set()
    for position in range(8):
        blurred = corrupt(image, "motion_blur", 5, [position])[0, :, :, 0].astype(int)
        y, x = blurred.nonzero()
        assert blurred.sum() == pytest.approx(255, abs=4)
        assert x.max() == 16  # to one side
        steps = 16 - x
        assert (np.abs(y - 16) <= steps).all()  # at most 45 degrees
        slope = (16 - y[steps.argmax()]) / steps.max()
        assert np.abs(16 - y - slope * steps).max() <= 1  # one direction, to a pixel
        lengths.add(len(y))
    expected = np.count_nonzero(np.rint(255 * motion_weights(5, (33, 33))))
    assert max(lengths) <= expected


@pytest.mark.parametrize("side", [1, 2, 8])
def test_a_motion_blur_stays_within_the_image(side: int) -> None:
    assert len(motion_weights(5, (side, 40))) <= side


def test_brightness_raises_the_value_of_hsv() -> None:
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (1, 6, 6, 3), dtype=np.uint8)
    image[0, 0, 0] = 0
    lighter = corrupt(image, "brightness", 4, [0])[0]
    for before, after in zip(image[0].reshape(-1, 3), lighter.reshape(-1, 3), strict=True):
        hue, saturation, value = colorsys.rgb_to_hsv(*(before / 255))
        expected = colorsys.hsv_to_rgb(hue, saturation, min(1.0, value + 0.2))
        assert np.abs(after - 255 * np.array(expected)).max() <= 0.5 + 1e-6
    shift = difference(grey(100, channels=1), "brightness", 2)
    assert shift.mean() == pytest.approx(25.5, abs=0.5)


@pytest.mark.parametrize(("severity", "factor"), list(enumerate((0.75, 0.5, 0.4, 0.3, 0.15), 1)))
def test_contrast_keeps_the_mean_of_each_channel(severity: int, factor: float) -> None:
    image = smooth_images(1, 32, 3)
    lower = corrupt(image, "contrast", severity, [0]).astype(float)
    assert np.abs(lower.mean(axis=(1, 2)) - image.mean(axis=(1, 2))).max() < 0.3
    assert np.allclose(lower.std(axis=(1, 2)) / image.std(axis=(1, 2)), factor, rtol=0.02)


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_compression_is_that_of_the_quality(channels: int) -> None:
    image = smooth_images(1, 32, channels)
    content = io.BytesIO()
    Image.fromarray(image[0].squeeze()).save(content, "JPEG", quality=40)
    expected = np.asarray(Image.open(content)).reshape(image[0].shape)
    assert (corrupt(image, "jpeg_compression", 5, [0])[0] == expected).all()


def test_pixelate_has_the_published_number_of_pixels() -> None:
    image = smooth_images(1, 32, 1)
    for severity, side in zip(SEVERITIES, (30, 28, 27, 24, 20), strict=True):
        rows = corrupt(image, "pixelate", severity, [0])[0, :, :, 0]
        assert len(np.unique(rows, axis=0)) <= 32
        small = Image.fromarray(image[0, :, :, 0]).resize((side, side), Image.Resampling.BOX)
        again = np.asarray(small.resize((32, 32), Image.Resampling.BOX))
        assert (rows == again).all()
