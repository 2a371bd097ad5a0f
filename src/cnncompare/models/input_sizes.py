"""Which image sizes a network can take, found by trying on meta tensors: nothing is computed."""

from collections.abc import Callable
from contextlib import nullcontext

from torch import nn

from cnncompare.errors import ModelError
from cnncompare.models.complexity import eval_mode, forward_on_meta

# What a network raises for images that it cannot take: torch's checks, assertions (timm), and
# arithmetic on an empty map.
FORWARD_ERRORS = (RuntimeError, ValueError, AssertionError, IndexError, ZeroDivisionError)
SMALLEST = 8  # pixels; nothing smaller can be asked for


def accepts(network: nn.Module, image_shape: tuple[int, int, int], training: bool = False) -> bool:
    """Return whether `network` can take images of (channels, height, width).

    With `training`, auxiliary heads, which need a larger map than the rest, are tried too.
    """
    try:
        with nullcontext() if training else eval_mode(network):
            forward_on_meta(network, (2, *image_shape))
    except FORWARD_ERRORS:
        return False
    return True


def image_size_error(
    name: str, stem: str, image_size: int, native: int, accepts: Callable[[int], bool]
) -> ModelError:
    """Return the error for an `image_size` that `name` does not accept; says what it does."""
    if image_size >= native:
        return ModelError(
            f"{name} with stem={stem} takes images of {native} pixels, got {image_size}: "
            f"use data.image_size={native}"
        )
    low, high = max(image_size, SMALLEST), native  # low is not accepted, high is
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if accepts(middle) else (middle, high)
    small = "model.stem=cifar or " if stem == "imagenet" and native > 64 else ""
    return ModelError(
        f"{name} with stem={stem} takes images of {high} pixels or more, got {image_size}: "
        f"use {small}data.image_size={native}"
    )
