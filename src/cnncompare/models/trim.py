"""Kernels larger than the map they meet: the taps that see padding alone are left out."""

import torch.nn.functional as F
from torch import Tensor, nn


class TrimmedConv2d(nn.Conv2d):
    """A convolution that multiplies no padding where its output is a single pixel.

    A 3x3 kernel on a map of one pixel meets that pixel with one tap and padding with eight. The
    parameters, and all numbers but for rounding, are those of nn.Conv2d.
    """

    padding: tuple[int, int]  # trim_kernels leaves those alone whose padding is a word

    def forward(self, input: Tensor) -> Tensor:
        """Return [N, out_channels, H', W'] of `input` [N, in_channels, H, W]."""
        height, width = input.shape[2:]
        # on meta tensors MACs are counted: those of the network as published
        if input.device.type == "meta" or not self._sees_the_whole_map_once((height, width)):
            return super().forward(input)
        top, left = self.padding
        taps = self.weight[:, :, top : top + height, left : left + width]
        return F.linear(input.flatten(1), taps.flatten(1), self.bias)[:, :, None, None]

    def _sees_the_whole_map_once(self, map_size: tuple[int, int]) -> bool:
        sides = zip(map_size, self.kernel_size, self.padding, self.stride, strict=True)
        return all(
            0 <= size + 2 * padding - kernel < stride and size + padding <= kernel
            for size, kernel, padding, stride in sides
        )


def trim_kernels(network: nn.Module) -> None:
    """Let each plain convolution of `network` leave out taps that meet padding alone, in place.

    Grouped and dilated ones, those with padding of another kind, and subclasses stay as they are.
    """
    for module in network.modules():
        if type(module) is nn.Conv2d and _is_plain(module):
            module.__class__ = TrimmedConv2d


def _is_plain(conv: nn.Conv2d) -> bool:
    zeros = conv.padding_mode == "zeros" and not isinstance(conv.padding, str)
    return conv.groups == 1 and conv.dilation == (1, 1) and zeros
