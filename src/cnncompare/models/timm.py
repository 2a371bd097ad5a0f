"""Networks from timm, as published or adapted to small images."""

import inspect
from typing import Any

import timm
from torch import nn

from cnncompare.models.registry import BuiltModel
from cnncompare.models.stems import adapt_to_small_images


def native_size(name: str) -> int:
    """Return the image size of the paper, in pixels."""
    input_size: Any = timm.get_pretrained_cfg_value(name, "input_size")
    return int(input_size[1])


def build(
    name: str,
    *,
    classes: int,
    in_channels: int,
    image_size: int,
    stem: str,
    options: dict[str, Any],
) -> BuiltModel:
    """Return the network and its changes from the paper; `image_size` has no effect."""
    network: nn.Module = timm.create_model(
        name, pretrained=False, num_classes=classes, in_chans=in_channels, **options
    )
    changes: tuple[str, ...] = ()
    if in_channels != 3:
        changes = (f"{in_channels} input channel instead of 3",)
    if stem == "cifar":
        changes = adapt_to_small_images(network, name, in_channels, native_size(name)) + changes
    return BuiltModel(network, name, "timm", stem, changes)


def known_options(name: str) -> list[str]:
    """Return the keyword arguments of the network's class, without those that `build` sets."""
    network = timm.create_model(name, pretrained=False)
    parameters = inspect.signature(type(network)).parameters
    return [option for option in parameters if option not in ("num_classes", "in_chans")]
