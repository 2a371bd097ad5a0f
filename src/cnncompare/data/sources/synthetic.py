"""Seeded synthetic images with easily learned classes, for tests and probes."""

import torch
import torch.nn.functional as F
from torch import Tensor

from cnncompare.config.data import SyntheticConfig
from cnncompare.data.source import Source, full_split
from cnncompare.errors import DataError

SIZE = 32  # pixels; data.image_size resizes them like other images
_SEED = 20240229  # of patterns and noise, fixed so that the data set is always the same


def load_synthetic(config: SyntheticConfig) -> Source:
    """Return uint8 images [N, 3, 32, 32], each the smooth pattern of its class plus noise.

    The classes are equally frequent. Raises DataError if a split has fewer images than classes.
    """
    for key, n in (("n_train", config.n_train), ("n_test", config.n_test)):
        if n < config.classes:
            raise DataError(
                f"data.synthetic.{key}={n} is fewer than the {config.classes} classes; "
                f"set {config.classes} or more"
            )
    generator = torch.Generator().manual_seed(_SEED)
    coarse = torch.rand(config.classes, 3, 4, 4, generator=generator)
    patterns = F.interpolate(coarse, size=(SIZE, SIZE), mode="bilinear")
    labels = torch.arange(config.n_train + config.n_test) % config.classes
    images = torch.cat(
        [_add_noise(patterns[batch], config.noise, generator) for batch in torch.split(labels, 512)]
    )
    train, test = torch.arange(len(labels)).tensor_split([config.n_train])
    all_images = full_split(images, labels)
    return Source(
        classes=[f"pattern{number}" for number in range(config.classes)],
        shape=(3, SIZE, SIZE),
        train=all_images.select(train),
        test=all_images.select(test),
    )


def _add_noise(images: Tensor, noise: float, generator: torch.Generator) -> Tensor:
    noisy = images + noise * torch.randn(images.shape, generator=generator)
    return (noisy.clamp(0, 1) * 255).round().to(torch.uint8)
