"""What is done to a batch of images; draws come from outside, so that every one can be checked."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2.functional import (
    center_crop,
    pil_to_tensor,
    resize,
    rgb_to_grayscale,
    to_pil_image,
)


def adapt(images: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """Return uint8 images [b, C, H, W] of another `shape` (C, H, W); grey is repeated.

    The shorter side is scaled to that of `shape` (bilinear, antialiased), the centre cut out.
    """
    channels, height, width = shape
    if images.shape[1] == 3 and channels == 1:
        images = rgb_to_grayscale(images)
    elif images.shape[1] != channels:
        images = images.expand(-1, channels, -1, -1)
    if images.shape[2:] == (height, width):
        return images
    scaled: Tensor = resize(images, [min(height, width)], antialias=True)
    cut: Tensor = center_crop(scaled, [height, width])
    return cut


def crop(images: Tensor, dy: Tensor, dx: Tensor, padding: int) -> Tensor:
    """Return images [b, C, H, W] cut out of themselves padded with zeros, each at its own offset.

    `dy`, `dx` int64 [b] in 0 to 2 * padding are the cut's first row and column. Every row of a cut
    is a run of the padded pixels in memory, and one index_select copies run by run: 150
    microseconds for 128 of 3x32x32 on one thread, against 450 with strided windows, which an index
    copies pixel by pixel.
    """
    height, width = images.shape[2:]
    padded = F.pad(images, (padding, padding, padding, padding))
    n, channels, padded_height, padded_width = padded.shape
    runs = padded.flatten().unfold(0, width, 1)  # a view: one that starts at every pixel
    device = images.device
    maps = torch.arange(n * channels, device=device).view(n, channels, 1) * padded_height
    rows = maps + torch.arange(height, device=device) + dy.view(n, 1, 1)
    starts = rows * padded_width + dx.view(n, 1, 1)
    return runs.index_select(0, starts.flatten()).view(images.shape)


def flip(images: Tensor, mask: Tensor) -> Tensor:
    """Return images [b, C, H, W], those with `mask` bool [b] mirrored left to right.

    Each is one of two, copied whole: 4 times as fast as torch.where with one truth per image.
    """
    n = len(images)
    both = torch.cat([images, images.flip(3)])
    return both.index_select(0, torch.arange(n, device=images.device) + n * mask)


def policy(name: str, images: Tensor, seeds: Sequence[int]) -> Tensor:
    """Return uint8 images [b, C, H, W] after RandAugment or TrivialAugment, each with its seed.

    Cubuk et al. 2020 (2 operations, magnitude 9), Müller and Hutter 2021; torchvision's, by way of
    PIL on the CPU: up to 3 times as fast as on tensors, and the same on every device.
    """
    kind = v2.RandAugment() if name == "randaugment" else v2.TrivialAugmentWide()

    def changed(image: Tensor) -> Tensor:
        result: Tensor = pil_to_tensor(kind(to_pil_image(image)))
        return result

    return _each(changed, images.cpu(), seeds).to(images.device)


def erase(probability: float, images: Tensor, seeds: Sequence[int]) -> Tensor:
    """Return images [b, C, H, W] with a random rectangle set to 0 in some, each with its seed.

    Zhong et al. 2017, areas 0.02 to 0.33 of the image; torchvision's.
    """
    return _each(v2.RandomErasing(p=probability), images, seeds)


def mix(
    name: str, alpha: float, images: Tensor, labels: Tensor, n_classes: int, seed: int
) -> tuple[Tensor, Tensor]:
    """Return images [b, C, H, W] mixed with the one before, the first with the last, and targets.

    Targets are float32 [b, n_classes]. mixup: Zhang et al. 2018; cutmix: Yun et al. 2019; one
    ratio, and one rectangle, for the batch, as in both papers; torchvision's.
    """
    kind = v2.MixUp if name == "mixup" else v2.CutMix
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        mixed, targets = kind(alpha=alpha, num_classes=n_classes)(images, labels)
    return mixed, targets


def seed_of(*words: int) -> int:
    """Return one 64-bit seed made of several numbers, each at least 0."""
    return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0])


def _each(transform: Callable[[Tensor], Tensor], images: Tensor, seeds: Sequence[int]) -> Tensor:
    """Apply a transform that draws from the global generator; that one is left as it was.

    Only the CPU's is seeded: torch.manual_seed would set the GPU's too, which dropout reads.
    """
    with torch.random.fork_rng(devices=[]):
        changed = []
        for image, seed in zip(images, seeds, strict=True):
            torch.default_generator.manual_seed(seed)
            changed.append(transform(image))
    return torch.stack(changed)
