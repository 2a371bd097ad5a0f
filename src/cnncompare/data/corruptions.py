"""Corruptions of small images in five severities, the same for every network and batch.

The parameters are those with which CIFAR-10-C was made (Hendrycks and Dietterich 2019; their
`make_cifar_c.py`), written anew with NumPy, SciPy and PIL. Deviations: pixels are rounded instead
of cut off, which darkens no image; motion blur of severity 4 has a width of its own, since the
original one equals severity 3 up to 1e-7; pixelate weights by area where sides are no multiples
of 8 from 24 pixels, so that severities stay in order. The lengths of both blurs grow with the
shorter side of images above 32 pixels; nothing else depends on the size.
"""

import io
import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

VERSION = 1  # of the pixels; increase it whenever any of them changes
SEVERITIES = (1, 2, 3, 4, 5)
SIDE = 32  # of the images for which the lengths of the blurs are given
LEAST_WEIGHT = 1e-3  # of a pixel in a motion blur, relative to the first

Pixels = NDArray[np.uint8]
Floats = NDArray[np.floating[Any]]
Corruption = Callable[[Pixels, int, Sequence[int]], Floats | Pixels]

_GAUSSIAN_SD = (0.04, 0.06, 0.08, 0.09, 0.10)
_PHOTONS = (500, 250, 100, 75, 50)  # of a white pixel
_DISKS = ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1.0, 0.2), (1.5, 0.1))  # radius, sd of smoothing
_MOTIONS = (1.0, 1.5, 2.0, 2.25, 2.5)  # sd of the one-sided Gaussian; published fourth: 2.0
_MOST_DEGREES = 45
_LIGHTER = (0.05, 0.10, 0.15, 0.20, 0.30)
_CONTRASTS = (0.75, 0.50, 0.40, 0.30, 0.15)
_JPEG_QUALITIES = (80, 65, 58, 50, 40)
_PIXEL_SHARES = (0.95, 0.90, 0.85, 0.75, 0.65)


def corrupt(images: Pixels, name: str, severity: int, positions: Sequence[int]) -> Pixels:
    """Return corrupted images, uint8 [N, H, W, C] of the same shape; C is 1 or 3.

    `name` is one of `CORRUPTIONS`, `severity` 1 to 5. `positions` [N], those of the images in their
    data set, seed the noise together with both, so that an image gets the same in every batch.
    """
    corrupted = CORRUPTIONS[name](images, severity, positions)
    if corrupted.dtype == np.uint8:
        return np.asarray(corrupted, dtype=np.uint8)
    return np.rint(corrupted).clip(0, 255).astype(np.uint8)


def _generator(position: int, severity: int, name: str) -> np.random.Generator:
    number = list(CORRUPTIONS).index(name)
    return np.random.default_rng(np.random.SeedSequence((position, severity, number)))


def _gaussian_noise(images: Pixels, severity: int, positions: Sequence[int]) -> Floats:
    sd = 255 * _GAUSSIAN_SD[severity - 1]
    noisy = images.astype(np.float64)
    for image, position in zip(noisy, positions, strict=True):
        image += _generator(position, severity, "gaussian_noise").normal(0, sd, image.shape)
    return noisy


def _shot_noise(images: Pixels, severity: int, positions: Sequence[int]) -> Floats:
    """Count photons: the variance of a pixel in [0, 1] is its value by those of a white pixel."""
    photons = _PHOTONS[severity - 1]
    noisy = images * (photons / 255)
    for image, position in zip(noisy, positions, strict=True):
        image[:] = _generator(position, severity, "shot_noise").poisson(image)
    return noisy * (255 / photons)


def _defocus_blur(images: Pixels, severity: int, positions: Sequence[int]) -> Floats:
    from scipy.ndimage import correlate

    radius, sd = _DISKS[severity - 1]
    kernel = disk(radius * _scale(images), sd)
    blurred: Floats = correlate(
        images.astype(np.float64), kernel[None, :, :, None], mode="mirror", output=np.float64
    )
    return blurred


@cache
def disk(radius: float, sd: float) -> Floats:
    """Return a disk smoothed by a Gaussian of 3 x 3 pixels, float64 [K, K], of sum 1."""
    from scipy.ndimage import correlate1d

    reach = math.ceil(radius) + 1
    y, x = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    inside = (x**2 + y**2 <= radius**2).astype(np.float64)
    side = math.exp(-1 / (2 * sd**2))
    smoothing = np.array([side, 1, side]) / (1 + 2 * side)
    for axis in (0, 1):
        inside = correlate1d(inside, smoothing, axis, mode="constant")
    return np.asarray(inside / inside.sum())


def _motion_blur(images: Pixels, severity: int, positions: Sequence[int]) -> Floats:
    """Blur each image to one side, in a direction of its own; edges are continued."""
    n, height, width, channels = images.shape
    angles = np.array(
        [
            _generator(p, severity, "motion_blur").uniform(-_MOST_DEGREES, _MOST_DEGREES)
            for p in positions
        ]
    )
    rows, columns = np.arange(height)[:, None], np.arange(width)
    flat, blurred = images.reshape(n, height * width, channels), np.zeros(images.shape)
    for distance, weight in enumerate(motion_weights(severity, images.shape[1:3])):
        dy, dx = (
            _nearest(distance * f(np.radians(angles)))[:, None, None] for f in (np.sin, np.cos)
        )
        index = (rows + dy).clip(0, height - 1) * width + (columns + dx).clip(0, width - 1)
        shifted = np.take_along_axis(flat, index.reshape(n, -1, 1), axis=1)
        blurred += weight * shifted.reshape(images.shape)
    return blurred


def motion_weights(severity: int, size: tuple[int, ...]) -> Floats:
    """Return the weights of a motion blur by distance in pixels, of sum 1, within the image."""
    sd = _MOTIONS[severity - 1] * max(1.0, min(size) / SIDE)
    weights = np.exp(-(np.arange(min(size)) ** 2) / (2 * sd**2))
    weights = weights[weights >= LEAST_WEIGHT]
    return np.asarray(weights / weights.sum())


def _nearest(distances: Floats) -> NDArray[np.int64]:
    return np.asarray(np.ceil(distances - 0.5).astype(np.int64))


def _brightness(images: Pixels, severity: int, positions: Sequence[int]) -> Floats:
    """Raise the value of HSV, which scales the channels of a pixel alike."""
    value = images.max(axis=3, keepdims=True).astype(np.float64)
    raised = (value + 255 * _LIGHTER[severity - 1]).clip(0, 255)
    factor = np.divide(raised, value, out=np.zeros_like(value), where=value > 0)
    return np.asarray(np.where(value > 0, images * factor, raised))


def _contrast(images: Pixels, severity: int, positions: Sequence[int]) -> Floats:
    mean = images.mean(axis=(1, 2), keepdims=True, dtype=np.float64)
    return np.asarray((images - mean) * _CONTRASTS[severity - 1] + mean)


def _jpeg_compression(images: Pixels, severity: int, positions: Sequence[int]) -> Pixels:
    def compress(image: Image.Image) -> Image.Image:
        content = io.BytesIO()
        image.save(content, "JPEG", quality=_JPEG_QUALITIES[severity - 1])
        return Image.open(content)

    return _each(compress, images)


def _pixelate(images: Pixels, severity: int, positions: Sequence[int]) -> Floats | Pixels:
    height, width = images.shape[1:3]
    if all(side % 8 == 0 and side >= 24 for side in (height, width)):
        return _pixelate_by_box(images, severity)
    rows, columns = (fewer_pixels(side, severity) for side in (height, width))
    pixelated: Floats = np.einsum("yh,xw,nhwc->nyxc", rows, columns, images, optimize=True)
    return pixelated


def _pixelate_by_box(images: Pixels, severity: int) -> Pixels:
    height, width = images.shape[1:3]
    fewer = (_n_fewer(width, severity), _n_fewer(height, severity))

    def pixelate(image: Image.Image) -> Image.Image:
        smaller = image.resize(fewer, Image.Resampling.BOX)
        return smaller.resize((width, height), Image.Resampling.NEAREST)

    return _each(pixelate, images)


@cache
def fewer_pixels(side: int, severity: int) -> Floats:
    """Return the matrix [side, side] that averages over fewer pixels and enlarges these again.

    Both weight pixels by the area that they share. PIL's BOX, the original, takes whole
    pixels: with many sizes it shifts some, so that a mild severity changes more than a severe one.
    """
    edges = np.arange(side + 1) / side
    fewer = np.arange(_n_fewer(side, severity) + 1) / _n_fewer(side, severity)
    first = np.maximum(edges[:-1, None], fewer[None, :-1])
    shared = np.maximum(0, np.minimum(edges[1:, None], fewer[None, 1:]) - first)
    average = shared.T / shared.sum(axis=0)[:, None]
    matrix: Floats = shared / shared.sum(axis=1)[:, None] @ average
    return matrix


def _n_fewer(side: int, severity: int) -> int:
    return max(1, min(int(side * _PIXEL_SHARES[severity - 1]), side - severity))


def _each(change: Callable[[Image.Image], Image.Image], images: Pixels) -> Pixels:
    """Apply a change of PIL images to each image."""
    is_grey = images.shape[3] == 1
    changed = np.empty_like(images)
    for position, pixels in enumerate(images):
        image = Image.fromarray(pixels[:, :, 0] if is_grey else pixels)
        changed[position] = np.asarray(change(image)).reshape(pixels.shape)
    return changed


def _scale(images: Pixels) -> float:
    height, width = images.shape[1:3]
    return float(max(1.0, min(height, width) / SIDE))


CORRUPTIONS: dict[str, Corruption] = {
    "gaussian_noise": _gaussian_noise,
    "shot_noise": _shot_noise,
    "defocus_blur": _defocus_blur,
    "motion_blur": _motion_blur,
    "brightness": _brightness,
    "contrast": _contrast,
    "jpeg_compression": _jpeg_compression,
    "pixelate": _pixelate,
}
"""By name, in the order of their seeds; new ones are added at the end."""
