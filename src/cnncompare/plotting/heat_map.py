"""Heat maps over images."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_STOPS = (0.0, 0.35, 0.7, 1.0)
_RAMP = np.array([(70, 60, 190), (190, 40, 150), (240, 100, 40), (255, 225, 50)], dtype=np.float32)
_OPACITY = 0.75  # of the largest values


def heat_overlay(
    pixels: NDArray[np.uint8], heat: NDArray[np.float32], least_side: int
) -> Image.Image:
    """Return the image in grey with the heat map over it: transparent at 0, yellow at 1.

    `pixels` is uint8 [H, W, C] with 1 or 3 channels, `heat` [H, W] in [0, 1]. A small image is
    enlarged without smoothing, by a whole number, to at least `least_side` pixels.
    """
    grey = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).convert("L")
    factor = max(1, -(-least_side // max(grey.size)))
    size = (grey.width * factor, grey.height * factor)
    base = np.asarray(grey.resize(size, Image.Resampling.NEAREST), dtype=np.float32)[..., None]
    smooth = Image.fromarray(heat.astype(np.float32)).resize(size, Image.Resampling.BILINEAR)
    value = np.clip(np.asarray(smooth), 0, 1)
    colour = np.stack([np.interp(value, _STOPS, _RAMP[:, i]) for i in range(3)], axis=-1)
    opacity = _OPACITY * value[..., None]
    mixed = (1 - opacity) * base + opacity * colour
    return Image.fromarray(mixed.round().astype(np.uint8))
