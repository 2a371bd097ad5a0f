"""Augmentations of image batches; random draws are arguments, so that tests can check each."""

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

from cnncompare.errors import RunError

Augmentation = Callable[[Tensor], Tensor]
"""From one image, uint8 [C, H, W], to one of the same shape and type."""


def adapt(images: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """Return uint8 images [b, C, H, W] converted to `shape` (C, H, W); grey is repeated.

    The shorter side is resized to that of `shape` (bilinear, antialiased), then the centre cropped.
    """
    channels, height, width = shape
    if images.shape[1] == 3 and channels == 1:
        images = rgb_to_grayscale(images)
    elif images.shape[1] != channels:
        images = images.expand(-1, channels, -1, -1)
    if images.shape[2:] == (height, width):
        return images
    resized: Tensor = resize(images, [min(height, width)], antialias=True)
    cropped: Tensor = center_crop(resized, [height, width])
    return cropped


def crop(images: Tensor, dy: Tensor, dx: Tensor, padding: int) -> Tensor:
    """Return a crop of each zero-padded image at its own offset, of the size of the input.

    `images` is [b, C, H, W]; `dy` and `dx`, int64 [b] from 0 to 2 * padding, are the first row and
    column of each crop. A row of a crop is contiguous in memory, so that one index_select copies
    all rows: it takes 150 microseconds for 128 images of 3x32x32 on one thread, whereas indexing
    strided windows copies single pixels and takes 450.
    """
    height, width = images.shape[2:]
    padded = F.pad(images, (padding, padding, padding, padding))
    n, channels, padded_height, padded_width = padded.shape
    runs = padded.flatten().unfold(0, width, 1)  # a view: one run of pixels starting at each pixel
    device = images.device
    channel_rows = torch.arange(n * channels, device=device).view(n, channels, 1) * padded_height
    rows = channel_rows + torch.arange(height, device=device) + dy.view(n, 1, 1)
    starts = rows * padded_width + dx.view(n, 1, 1)
    return runs.index_select(0, starts.flatten()).view(images.shape)


def flip(images: Tensor, mask: Tensor) -> Tensor:
    """Return images [b, C, H, W], those selected by `mask`, bool [b], mirrored left to right.

    Copying whole images by index_select is 4 times as fast as torch.where with a mask per image.
    """
    n = len(images)
    both = torch.cat([images, images.flip(3)])
    return both.index_select(0, torch.arange(n, device=images.device) + n * mask)


def apply_policy(name: str, images: Tensor, seeds: Sequence[int]) -> Tensor:
    """Apply RandAugment or TrivialAugment to uint8 images [b, C, H, W], with one seed per image.

    RandAugment: Cubuk et al. 2020 (2 operations, magnitude 9). TrivialAugment: Müller and Hutter
    2021. Both are torchvision's, applied to PIL images on the CPU, which is up to 3 times as fast
    as on tensors and gives the same result on every device.
    """
    transform = v2.RandAugment() if name == "randaugment" else v2.TrivialAugmentWide()

    def apply(image: Tensor) -> Tensor:
        result: Tensor = pil_to_tensor(transform(to_pil_image(image)))
        return result

    return _apply_to_each(apply, images.cpu(), seeds).to(images.device)


def apply_own(augmentation: Augmentation, images: Tensor, seeds: Sequence[int]) -> Tensor:
    """Apply a user's augmentation to uint8 images [b, C, H, W], with one seed per image.

    Raises RunError if it returns another shape or type.
    """
    results = _apply_to_each(augmentation, images.cpu(), seeds)
    if results.shape != images.shape or results.dtype != images.dtype:
        raise RunError(
            f"an augmentation returned {results.dtype} images of shape {list(results.shape[1:])} "
            f"for {images.dtype} images of shape {list(images.shape[1:])}; it must keep both"
        )
    return results.to(images.device)


def erase(probability: float, images: Tensor, seeds: Sequence[int]) -> Tensor:
    """Set a random rectangle of each image [b, C, H, W] to 0 with `probability`.

    Random erasing: Zhong et al. 2017, with areas of 0.02 to 0.33 of the image; torchvision's.
    """
    return _apply_to_each(v2.RandomErasing(p=probability), images, seeds)


def mix(
    name: str, alpha: float, images: Tensor, labels: Tensor, n_classes: int, seed: int
) -> tuple[Tensor, Tensor]:
    """Mix each image [b, C, H, W] with its predecessor, the first with the last.

    Return the mixed images and targets, float32 [b, n_classes]. mixup: Zhang et al. 2018; cutmix:
    Yun et al. 2019. As in both papers, a batch has one ratio and one rectangle; torchvision's.
    """
    mixing = v2.MixUp if name == "mixup" else v2.CutMix
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        mixed, targets = mixing(alpha=alpha, num_classes=n_classes)(images, labels)
    return mixed, targets


def derive_seed(*numbers: int) -> int:
    """Return a 64-bit seed derived from non-negative numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0])


def _apply_to_each(
    transform: Callable[[Tensor], Tensor], images: Tensor, seeds: Sequence[int]
) -> Tensor:
    """Apply a transform that draws from the global generator, and restore the generator.

    Only the CPU's generator is seeded, because torch.manual_seed would also seed the GPU's, from
    which dropout draws.
    """
    with torch.random.fork_rng(devices=[]):
        results = []
        for image, seed in zip(images, seeds, strict=True):
            torch.default_generator.manual_seed(seed)
            results.append(transform(image))
    return torch.stack(results)
