"""Mean and standard deviation of the image channels, measured or selected by name."""

from collections.abc import Sequence

import torch
from torch import Tensor

from cnncompare.config.data import DataConfig
from cnncompare.data.augment import adapt
from cnncompare.data.source import Split, in_chunks, read_images
from cnncompare.data.transform import NAMED_STATISTICS
from cnncompare.errors import DataError
from cnncompare.models.pretrained.transforms import Transform

ChannelStatistics = tuple[tuple[float, ...], tuple[float, ...]]

_MAX_IMAGES = 100_000  # enough for a precise mean; more may have to be decoded


def channel_statistics(
    split: Split,
    shape: tuple[int, int, int],
    channels: int,
    config: DataConfig,
    workers: int,
    weights: Transform | None = None,
) -> ChannelStatistics:
    """Return mean and standard deviation per channel, for pixels in [0, 1].

    The images are stored as `shape` (C, H, W) and used with `channels` channels. With
    `data.normalize=train` they are measured on `split` before any resizing, on at most 100,000
    evenly spaced images; with `weights` they are those of the pretrained weights. Raises DataError
    if a channel is constant, if the named values have another number of channels, or if the
    pretrained weights have none.
    """
    if config.normalize == "train":
        return _measure(split, shape, channels, workers)
    if config.normalize != "weights":
        mean, sd = NAMED_STATISTICS[config.normalize]
    elif weights is not None:
        mean, sd = weights.mean, weights.std
    else:
        raise DataError(
            "data.normalize=weights: this network has no pretrained weights with a known mean and "
            "sd; set model.weights, or use train, imagenet, half or none"
        )
    if len(mean) == 1:
        return mean * channels, sd * channels
    if len(mean) != channels:
        raise DataError(
            f"data.normalize={config.normalize} is for 3 channels, but the images have {channels}; "
            f"use train, half or none, or data.channels=3"
        )
    return mean, sd


def pixel_moments(
    mean: Sequence[float], std: Sequence[float], device: torch.device
) -> tuple[Tensor, Tensor]:
    """Return mean and sd for pixels in [0, 255], [C, 1, 1], from those for pixels in [0, 1]."""
    on_device = (torch.tensor(list(values), device=device) for values in (mean, std))
    scaled_mean, scaled_sd = (values.view(-1, 1, 1) * 255 for values in on_device)
    return scaled_mean, scaled_sd


def normalize_pixels(images: Tensor, mean: Tensor, sd: Tensor) -> Tensor:
    """Return uint8 images [B, C, H, W] as float32, with the moments of `pixel_moments`."""
    return images.float().sub_(mean).div_(sd)


def _measure(
    split: Split, shape: tuple[int, int, int], channels: int, workers: int
) -> ChannelStatistics:
    n = min(len(split), _MAX_IMAGES)
    rows = split.rows[torch.arange(n) * len(split) // n]
    # counts of pixel values are exact, and 6 times as fast as sums
    counts = torch.zeros(channels, 256, dtype=torch.int64)
    for images in read_images(split.images, in_chunks(rows, shape), workers):
        values = adapt(images, (channels, *shape[1:]))
        for channel in range(channels):
            counts[channel] += torch.bincount(values[:, channel].flatten(), minlength=256)
    mean, sd = _moments(counts)
    if not bool((sd > 0).all()):
        raise DataError("a channel of the training images is constant; use data.normalize=half")
    return tuple((mean / 255).tolist()), tuple((sd / 255).tolist())


def _moments(counts: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and sd, float64 [C], from `counts`, int64 [C, 256], of the pixel values."""
    values = torch.arange(256)
    pixels = counts.sum(dim=1)
    mean = (counts * values).sum(dim=1) / pixels.double()
    squares = (counts * values.square()).sum(dim=1) / pixels.double()
    return mean, (squares - mean.square()).clamp(min=0).sqrt()
