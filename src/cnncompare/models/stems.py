"""Adaptation of networks designed for 224 pixels to small images.

Where the literature has no small-image form of a family, one rule applies, which is also the one
used for ResNet, DenseNet, MobileNetV2 and GoogLeNet on CIFAR: the first layers that halve the image
stop halving it, until a 32x32 image ends in a feature map of at least 4x4.
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

CIFAR_SIZE = 32  # pixels
MIN_LAST_MAP = 4  # pixels; global pooling has little to average over in a smaller feature map
MAX_REMOVED_LEVELS = 4  # halvings in sequence
Hook = Callable[[nn.Module, tuple[Any, ...], Any], None]


@dataclass(frozen=True)
class AppliedLayer:
    """A layer that was applied to an image or a feature map."""

    name: str
    module: nn.Module
    input_shape: torch.Size  # [N, channels, height, width]
    output_shape: torch.Size

    @property
    def halves(self) -> bool:
        """Whether the layer halves the height of its input."""
        # An output of 1 pixel is global pooling; 2/3 excludes unpadded 3x3 convolutions.
        return 1 < self.output_shape[2] < self.input_shape[2] * 2 / 3


def trace_layers(network: nn.Module, in_channels: int, image_size: int) -> list[AppliedLayer]:
    """Return the innermost layers that map feature maps to feature maps, in order of application.

    The forward pass runs on meta tensors. Raises FORWARD_ERRORS for an image size that the network
    does not accept.
    """
    layers: list[AppliedLayer] = []
    innermost = [
        (name, module) for name, module in network.named_modules() if not [*module.children()]
    ]
    handles = [
        module.register_forward_hook(_recording_hook(layers, name)) for name, module in innermost
    ]
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
    """Remove the first halvings until 32x32 ends in 4x4 or more; return the changes.

    `native_size` is the image size of the paper, in pixels. Raises ModelError for a network that
    cannot be adapted, such as one with a position embedding of fixed size.
    """
    try:
        return tuple(_remove_first_halvings(network, in_channels, native_size))
    except (TypeError, *FORWARD_ERRORS) as error:
        raise ModelError(
            f"{name} has no known form for small images: use model.stem=imagenet with "
            f"data.image_size={native_size}"
        ) from error


def set_input_channels(network: nn.Module, in_channels: int, native_size: int) -> None:
    """Replace the first convolution, which has 3 input channels, by one with `in_channels`."""
    first = trace_layers(network, 3, native_size)[0]
    if not isinstance(first.module, nn.Conv2d):
        raise ModelError("the first layer is not a convolution: use data.channels=3")
    conv = resize_conv(first.module, in_channels, first.module.kernel_size[0])
    replace_layer(network, first.name, conv)


def resize_conv(conv: nn.Conv2d, in_channels: int, kernel_size: int) -> nn.Conv2d:
    """Return a copy of `conv` with other input channels or a smaller kernel.

    Its weights are a section of the initial weights of `conv`, scaled to the same output variance,
    which preserves the family's initialisation. Stride and padding stay the same.
    """
    out_channels, old_channels, old_size, _ = conv.weight.shape
    start = (old_size - kernel_size) // 2
    channels = [channel % old_channels for channel in range(in_channels)]
    weight = conv.weight[:, channels, start : start + kernel_size, start : start + kernel_size]
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
    new.weight = nn.Parameter(weight.detach() * scale)
    new.bias = conv.bias
    return new


def replace_layer(network: nn.Module, name: str, new: nn.Module) -> None:
    """Replace the submodule `name` of `network` by `new`."""
    parent, _, child = name.rpartition(".")
    setattr(network.get_submodule(parent), child, new)


def _recording_hook(layers: list[AppliedLayer], name: str) -> Hook:
    def hook(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        first = inputs[0] if inputs else None
        if not isinstance(first, Tensor) or not isinstance(output, Tensor):
            return
        if first.dim() == output.dim() == 4:
            layers.append(AppliedLayer(name, module, first.shape, output.shape))

    return hook


def _remove_first_halvings(network: nn.Module, in_channels: int, native_size: int) -> list[str]:
    """Remove one level of halvings after another until the last map is large enough.

    Raises ValueError if it stays too small.
    """
    changes: list[str] = []
    halving = [layer for layer in trace_layers(network, in_channels, native_size) if layer.halves]
    for level in range(MAX_REMOVED_LEVELS):  # level 0 halves the image, level 1 its output, ...
        if _last_map_size(network, in_channels) >= MIN_LAST_MAP:
            return changes
        for layer in halving:
            if round(math.log2(native_size / layer.input_shape[2])) == level:
                changes.append(_stop_halving(network, layer, first=layer is halving[0]))
    if _last_map_size(network, in_channels) < MIN_LAST_MAP:
        raise ValueError(f"the last feature map stays smaller than {MIN_LAST_MAP} pixels")
    return changes


def _last_map_size(network: nn.Module, in_channels: int) -> int:
    """Return the pixels of the feature map after the last halving of 32x32, 0 if none is left."""
    try:
        layers = trace_layers(network, in_channels, CIFAR_SIZE)
    except FORWARD_ERRORS:
        return 0
    return ([0] + [layer.output_shape[2] for layer in layers if layer.halves])[-1]


def _stop_halving(network: nn.Module, layer: AppliedLayer, first: bool) -> str:
    """Make `layer` keep the size of its input; return the change.

    A layer other than a convolution is removed, unless it changes the number of channels.
    """
    if isinstance(layer.module, nn.Conv2d):
        return _set_stride_1(network, layer.name, layer.module, first)
    if layer.input_shape[1] != layer.output_shape[1]:
        raise ValueError(f"{layer.name} halves the feature map and changes its channels")
    replace_layer(network, layer.name, nn.Identity())
    return f"{layer.name} removed"


def _set_stride_1(network: nn.Module, name: str, conv: nn.Conv2d, first: bool) -> str:
    """Give `conv` stride 1 and, as the `first` layer, a 3x3 kernel; return the change."""
    before = _kernel_and_stride(conv)
    if first and type(conv) is nn.Conv2d and conv.kernel_size[0] > 3:
        conv = resize_conv(conv, conv.in_channels, 3)
        replace_layer(network, name, conv)
    conv.stride = (1, 1)
    if not isinstance(conv.padding, str):
        conv.padding = (conv.kernel_size[0] // 2, conv.kernel_size[1] // 2)
    return f"{name} {before} -> {_kernel_and_stride(conv)}"


def _kernel_and_stride(conv: nn.Conv2d) -> str:
    """Return kernel and stride as in "7x7/2"."""
    return f"{conv.kernel_size[0]}x{conv.kernel_size[1]}/{conv.stride[0]}"
