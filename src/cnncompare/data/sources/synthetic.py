"""Seeded images whose classes can be learned in seconds; for tests and probes, not for results."""

import torch
import torch.nn.functional as F
from torch import Tensor

from cnncompare.config.data import SyntheticConfig
from cnncompare.data.source import Source, full_split
from cnncompare.errors import DataError

SIZE = 32  # pixels; scaled like any other image when data.image_size asks for it
_SEED = 20240229  # of patterns and noise: the data set is always the same


def synthetic(config: SyntheticConfig) -> Source:
    """Return uint8 images [N, 3, 32, 32], each its class's smooth pattern plus pixel noise.

    The classes are equally frequent. Raises DataError when a part has fewer images than classes.
    """
    for key, n in (("n_train", config.n_train), ("n_test", config.n_test)):
        if n < config.classes:
            raise DataError(
                f"data.synthetic.{key}={n} is fewer than the {config.classes} classes; "
                f"give {config.classes} or more"
            )
    generator = torch.Generator().manual_seed(_SEED)
    coarse = torch.rand(config.classes, 3, 4, 4, generator=generator)
    patterns = F.interpolate(coarse, size=(SIZE, SIZE), mode="bilinear")
    labels = torch.arange(config.n_train + config.n_test) % config.classes
    images = torch.cat(
        [_noisy(patterns[some], config.noise, generator) for some in torch.split(labels, 512)]
    )
    train, test = torch.arange(len(labels)).tensor_split([config.n_train])
    both = full_split(images, labels)
    return Source(
        classes=[f"pattern{number}" for number in range(config.classes)],
        shape=(3, SIZE, SIZE),
        train=both.select(train),
        test=both.select(test),
    )


def _noisy(images: Tensor, noise: float, generator: torch.Generator) -> Tensor:
    noisy = images + noise * torch.randn(images.shape, generator=generator)
    return (noisy.clamp(0, 1) * 255).round().to(torch.uint8)
