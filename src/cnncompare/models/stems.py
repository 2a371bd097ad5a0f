"""The changes that let a network made for 224 pixels see a small image.

Where the literature has no form of its own for a family, one rule is applied, which is also what
is done to ResNet, DenseNet, MobileNetV2 and GoogLeNet for CIFAR: the first halvings of the image
are taken away, until a 32x32 image ends in a map of at least 4x4.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from cnncompare.errors import ModelError
from cnncompare.models.complexity import eval_mode, forward_on_meta
from cnncompare.models.input_sizes import FORWARD_ERRORS

SMALL = 32  # pixels, of CIFAR
LAST_MAP = 4  # pixels; a smaller last map has hardly any place left to average over


@dataclass(frozen=True)
class Layer:
    """A layer that was applied to an image or a map."""

    name: str
    module: nn.Module
    given: torch.Size  # [N, channels, height, width]
    gave: torch.Size


def trace_layers(network: nn.Module, in_channels: int, image_size: int) -> list[Layer]:
    """Return the innermost layers that take and give maps, in the order in which they are applied.

    Nothing is computed. Raises what the network raises for an image that it cannot take.
    """
    layers: list[Layer] = []

    def record(name: str) -> Callable[[nn.Module, tuple[Any, ...], Any], None]:
        def hook(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            given = inputs[0] if inputs else None
            if not isinstance(given, Tensor) or not isinstance(output, Tensor):
                return
            if given.dim() == output.dim() == 4:
                layers.append(Layer(name, module, given.shape, output.shape))

        return hook

    innermost = [
        (name, module) for name, module in network.named_modules() if not [*module.children()]
    ]
    handles = [module.register_forward_hook(record(name)) for name, module in innermost]
    try:
        with eval_mode(network):
            forward_on_meta(network, (1, in_channels, image_size, image_size))
    finally:
        for handle in handles:
            handle.remove()
    return layers


def adapt_to_small_images(
    network: nn.Module, name: str, in_channels: int, native_size: int
) -> tuple[str, ...]:
    """Take the first halvings away, until 32x32 ends in 4x4 or more; return what was changed.

    `native_size`, in pixels, is the published image size. Raises ModelError where that cannot be
    done, such as for networks with an embedding of fixed size.
    """
    changes: list[str] = []
    try:
        halving = [
            layer for layer in trace_layers(network, in_channels, native_size) if _halves(layer)
        ]
        for level in range(4):  # 0: what halves the image itself; 1: what halves that; ...
            if _last_map(network, in_channels) >= LAST_MAP:
                return tuple(changes)
            for layer in halving:
                if round(math.log2(native_size / layer.given[2])) == level:
                    changes.append(_stop_halving(network, layer, first=layer is halving[0]))
        if _last_map(network, in_channels) >= LAST_MAP:
            return tuple(changes)
    except (TypeError, *FORWARD_ERRORS):
        pass
    raise ModelError(
        f"{name} has no known form for small images: use model.stem=imagenet with "
        f"data.image_size={native_size}"
    )


def set_input_channels(network: nn.Module, in_channels: int, native_size: int) -> None:
    """Replace the first convolution, made for 3 channels, by one for `in_channels`."""
    first = trace_layers(network, 3, native_size)[0]
    if not isinstance(first.module, nn.Conv2d):
        raise ModelError("the first layer is no convolution: use data.channels=3")
    replace_layer(
        network, first.name, resize_conv(first.module, in_channels, first.module.kernel_size[0])
    )


def resize_conv(conv: nn.Conv2d, in_channels: int, kernel_size: int) -> nn.Conv2d:
    """Return `conv` for other channels or a smaller kernel, with stride and padding kept.

    Its weights are a part of the initial weights of `conv`, scaled to the same output variance,
    so that the family's own initialisation holds.
    """
    out_channels, old_channels, old_size, _ = conv.weight.shape
    start = (old_size - kernel_size) // 2
    channels = [channel % old_channels for channel in range(in_channels)]
    part = conv.weight[:, channels, start : start + kernel_size, start : start + kernel_size]
    scale = math.sqrt(old_channels * old_size**2 / (in_channels * kernel_size**2))
    padding: Any = conv.padding
    new = nn.Conv2d(
        in_channels,
        out_channels,
        kernel_size,
        stride=(conv.stride[0], conv.stride[1]),
        padding=padding,
        bias=conv.bias is not None,
    )
    new.weight = nn.Parameter(part.detach() * scale)
    new.bias = conv.bias
    return new


def replace_layer(network: nn.Module, name: str, new: nn.Module) -> None:
    """Put `new` in the place of the submodule `name` of `network`."""
    parent, _, child = name.rpartition(".")
    setattr(network.get_submodule(parent), child, new)


def _halves(layer: Layer) -> bool:
    # To 1 pixel is the mean over the whole map; 2/3 keeps unpadded 3x3 convolutions out.
    return 1 < layer.gave[2] < layer.given[2] * 2 / 3


def _last_map(network: nn.Module, in_channels: int) -> int:
    """Return the pixels of the map that the last halving leaves of 32x32, 0 where none is left."""
    try:
        layers = trace_layers(network, in_channels, SMALL)
    except FORWARD_ERRORS:
        return 0
    return ([0] + [layer.gave[2] for layer in layers if _halves(layer)])[-1]


def _stop_halving(network: nn.Module, layer: Layer, first: bool) -> str:
    conv = layer.module
    if not isinstance(conv, nn.Conv2d):
        if layer.given[1] != layer.gave[1]:
            raise ValueError(f"{layer.name} halves the map in a way of its own")
        replace_layer(network, layer.name, nn.Identity())
        return f"{layer.name} removed"
    before = _kernel_and_stride(conv)
    if first and type(conv) is nn.Conv2d and conv.kernel_size[0] > 3:
        conv = resize_conv(conv, conv.in_channels, 3)
        replace_layer(network, layer.name, conv)
    conv.stride = (1, 1)
    if not isinstance(conv.padding, str):
        conv.padding = (conv.kernel_size[0] // 2, conv.kernel_size[1] // 2)
    return f"{layer.name} {before} -> {_kernel_and_stride(conv)}"


def _kernel_and_stride(conv: nn.Conv2d) -> str:
    """Return kernel and stride as in "7x7/2"."""
    return f"{conv.kernel_size[0]}x{conv.kernel_size[1]}/{conv.stride[0]}"
