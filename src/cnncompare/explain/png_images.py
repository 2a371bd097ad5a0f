"""Images of filters and feature maps, as PNG in data URLs."""

import base64
import io

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

_GAP = 2  # pixels between tiles
_TILE = 48  # pixels of an enlarged tile, at least
_COLUMNS = 16
MOST_MAPS = 64  # tiles in an image


def filters_as_png(weights: Tensor) -> str:
    """Return the filters [F, C, H, W] in colour with 3 channels, else in grey, zero in the middle.

    Each filter is scaled by its largest weight. With other numbers of channels, their mean is
    shown.
    """
    shown = weights[:MOST_MAPS].float()
    if shown.shape[1] not in (1, 3):
        shown = shown.mean(dim=1, keepdim=True)
    largest = shown.abs().amax((1, 2, 3), keepdim=True).clamp(min=1e-12)
    return _as_png(0.5 + 0.5 * shown / largest)


def maps_as_png(maps: Tensor) -> str:
    """Return the feature maps [C, H, W] in grey, each from its smallest to its largest value."""
    shown = maps[:MOST_MAPS].float()[:, None]
    low, high = shown.amin((1, 2, 3), keepdim=True), shown.amax((1, 2, 3), keepdim=True)
    return _as_png((shown - low) / (high - low).clamp(min=1e-12))


def image_as_png(pixels: Tensor) -> str:
    """Return an image, uint8 [C, H, W] with 1 or 3 channels."""
    return _as_png(pixels[None].float() / 255)


def _as_png(tiles: Tensor) -> str:
    """Return tiles [N, C, H, W] with values in [0, 1], row by row, enlarged without smoothing."""
    n, _, height, width = tiles.shape
    factor = max(1, -(-_TILE // max(height, width)))
    columns = min(n, _COLUMNS)
    pixels = (tiles * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    pixels = np.repeat(np.repeat(pixels, factor, axis=1), factor, axis=2)
    pixels = np.broadcast_to(pixels, (*pixels.shape[:3], 3))
    step = (pixels.shape[1] + _GAP, pixels.shape[2] + _GAP)
    sheet = np.full((-(-n // columns) * step[0] - _GAP, columns * step[1] - _GAP, 3), 255, np.uint8)
    for number, tile in enumerate(pixels):
        top, left = number // columns * step[0], number % columns * step[1]
        sheet[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return _data_url(sheet)


def _data_url(pixels: NDArray[np.uint8]) -> str:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()
