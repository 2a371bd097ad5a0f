"""Convolutions that skip the kernel taps which only see padding."""

import torch.nn.functional as F
from torch import Tensor, nn


class TrimmedConv2d(nn.Conv2d):
    """A convolution that does not multiply padding when its output is a single pixel.

    On a feature map of one pixel, a 3x3 kernel covers that pixel with one tap and padding with
    eight. Parameters and results are those of nn.Conv2d, except for rounding.
    """

    padding: tuple[int, int]  # trim_kernels skips convolutions whose padding is a string

    def forward(self, input: Tensor) -> Tensor:
        """Return [N, out_channels, H', W'] of `input` [N, in_channels, H, W]."""
        height, width = input.shape[2:]
        # On meta tensors, complexity.py counts the MACs of the untrimmed convolution.
        if input.device.type == "meta" or not self._covers_map_once((height, width)):
            return super().forward(input)
        top, left = self.padding
        taps = self.weight[:, :, top : top + height, left : left + width]
        return F.linear(input.flatten(1), taps.flatten(1), self.bias)[:, :, None, None]

    def _covers_map_once(self, map_size: tuple[int, int]) -> bool:
        """Return whether the kernel has one position, in which it covers the whole map."""
        sides = zip(map_size, self.kernel_size, self.padding, self.stride, strict=True)
        return all(
            0 <= size + 2 * padding - kernel < stride and size + padding <= kernel
            for size, kernel, padding, stride in sides
        )


def trim_kernels(network: nn.Module) -> None:
    """Make each plain convolution of `network` a TrimmedConv2d, in place.

    Grouped and dilated convolutions, those with padding other than zeros, and subclasses of
    nn.Conv2d stay unchanged.
    """
    for module in network.modules():
        if type(module) is nn.Conv2d and _is_plain(module):
            module.__class__ = TrimmedConv2d


def _is_plain(conv: nn.Conv2d) -> bool:
    pads_zeros = conv.padding_mode == "zeros" and not isinstance(conv.padding, str)
    return conv.groups == 1 and conv.dilation == (1, 1) and pads_zeros
