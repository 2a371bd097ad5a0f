"""The image sizes that a network accepts, determined by forward passes on meta tensors."""

from collections.abc import Callable
from contextlib import nullcontext

from torch import nn

from cnncompare.errors import ModelError
from cnncompare.models.complexity import eval_mode, forward_on_meta

# Raised by a forward pass for images of an unsuitable size: by torch's checks, by assertions (timm)
# and by arithmetic on an empty feature map.
FORWARD_ERRORS = (RuntimeError, ValueError, AssertionError, IndexError, ZeroDivisionError)
MIN_IMAGE_SIZE = 8  # pixels; the configuration accepts nothing smaller


def accepts(network: nn.Module, image_shape: tuple[int, int, int], training: bool = False) -> bool:
    """Return whether `network` accepts images of (channels, height, width).

    With `training`, the auxiliary heads are tested too; they need a larger feature map than the
    rest.
    """
    try:
        with nullcontext() if training else eval_mode(network):
            forward_on_meta(network, (2, *image_shape))
    except FORWARD_ERRORS:
        return False
    return True


def image_size_error(
    name: str, stem: str, image_size: int, native_size: int, accepts_size: Callable[[int], bool]
) -> ModelError:
    """Return the error for an `image_size` that `name` does not accept, with a size that works.

    `accepts_size` tests sizes up to `native_size`, in pixels.
    """
    if image_size >= native_size:
        return ModelError(
            f"{name} with stem={stem} accepts images of {native_size} pixels, got {image_size}: "
            f"use data.image_size={native_size}"
        )
    smallest = _smallest_accepted(max(image_size, MIN_IMAGE_SIZE), native_size, accepts_size)
    small = "model.stem=cifar or " if stem == "imagenet" and native_size > 64 else ""
    return ModelError(
        f"{name} with stem={stem} accepts images of {smallest} pixels or more, got {image_size}: "
        f"use {small}data.image_size={native_size}"
    )


def _smallest_accepted(rejected: int, accepted: int, accepts_size: Callable[[int], bool]) -> int:
    """Return the smallest accepted image size between the two, by bisection."""
    while accepted - rejected > 1:
        middle = (rejected + accepted) // 2
        if accepts_size(middle):
            accepted = middle
        else:
            rejected = middle
    return accepted
