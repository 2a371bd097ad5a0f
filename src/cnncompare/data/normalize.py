"""Mean and standard deviation of the images' channels, measured or by name."""

import torch
from torch import Tensor

from cnncompare.config.data import DataConfig
from cnncompare.data.augment import adapt
from cnncompare.data.source import Split, in_chunks, read_images
from cnncompare.data.transform import NAMED
from cnncompare.errors import DataError
from cnncompare.models.pretrained.transforms import Transform

Statistics = tuple[tuple[float, ...], tuple[float, ...]]

_MOST_IMAGES = 100_000  # more are not needed, and may have to be decoded


def statistics(
    split: Split,
    shape: tuple[int, int, int],
    channels: int,
    config: DataConfig,
    workers: int,
    weights: Transform | None = None,
) -> Statistics:
    """Return mean and sd per channel, for pixels in [0, 1], as `data.normalize` asks.

    The images are stored as `shape` (C, H, W) and used with so many `channels`.

    `train` measures the training split, before any scaling; of more than 100,000 images, as many,
    evenly spaced. `weights` takes what the weights were published with. Raises DataError when a
    channel does not vary, the name has other channels, or there are no such weights.
    """
    if config.normalize == "train":
        return _measured(split, shape, channels, workers)
    if config.normalize != "weights":
        mean, sd = NAMED[config.normalize]
    elif weights is not None:
        mean, sd = weights.mean, weights.std
    else:
        raise DataError(
            "data.normalize=weights: the network has no published mean and sd; name model.weights, "
            "or use train, imagenet, half or none"
        )
    if len(mean) == 1:
        return mean * channels, sd * channels
    if len(mean) != channels:
        raise DataError(
            f"data.normalize={config.normalize} is for 3 channels, the images have {channels}; "
            f"use train, half or none, or data.channels=3"
        )
    return mean, sd


def _measured(split: Split, shape: tuple[int, int, int], channels: int, workers: int) -> Statistics:
    n = min(len(split), _MOST_IMAGES)
    rows = split.rows[torch.arange(n) * len(split) // n]
    counts = torch.zeros(channels, 256, dtype=torch.int64)  # exact, and 6 times as fast as sums
    for images in read_images(split.images, in_chunks(rows, shape), workers):
        values = adapt(images, (channels, *shape[1:]))
        for channel in range(channels):
            counts[channel] += torch.bincount(values[:, channel].flatten(), minlength=256)
    mean, sd = _moments(counts)
    if not bool((sd > 0).all()):
        raise DataError("the training images do not vary in a channel; use data.normalize=half")
    return tuple((mean / 255).tolist()), tuple((sd / 255).tolist())


def _moments(counts: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and sd, float64 [C], of `counts` int64 [C, 256], how often each value occurs."""
    values = torch.arange(256)
    pixels = counts.sum(dim=1)
    mean = (counts * values).sum(dim=1) / pixels.double()
    squares = (counts * values.square()).sum(dim=1) / pixels.double()
    return mean, (squares - mean.square()).clamp(min=0).sqrt()
