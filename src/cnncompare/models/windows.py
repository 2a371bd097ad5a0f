"""Windows of convolutions and pooling, and the receptive fields that result from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

aten = torch.ops.aten
Pair = tuple[int, int]  # (height, width)


@dataclass(frozen=True)
class Window:
    """The window of a convolution or pooling, in pixels of its input (height, width).

    `kernel` is None if the window is the whole feature map.
    """

    kernel: Pair | None
    stride: Pair
    dilation: Pair = (1, 1)
    groups: int = 1
    pooling: str | None = None  # kind of the operation: max pool, average pool or global pool


@dataclass(frozen=True)
class Field:
    """A receptive field: its size, and the distance between those of neighbouring pixels."""

    size: Pair
    step: Pair

    @staticmethod
    def union(fields: Sequence["Field"]) -> "Field":
        """Return the largest size and step in each direction."""
        sizes, steps = [f.size for f in fields], [f.step for f in fields]
        return Field(
            (max(h for h, _ in sizes), max(w for _, w in sizes)),
            (max(h for h, _ in steps), max(w for _, w in steps)),
        )


def widened(field: Field | None, window: Window) -> Field | None:
    """Return the receptive field behind a window; None stands for the whole image."""
    if field is None or window.kernel is None:
        return None
    height, width = (
        size + (kernel - 1) * dilation * step
        for size, kernel, dilation, step in zip(
            field.size, window.kernel, window.dilation, field.step, strict=True
        )
    )
    steps = (field.step[0] * window.stride[0], field.step[1] * window.stride[1])
    return Field((height, width), steps)


def window_of(packet: Any, args: tuple[Any, ...]) -> Window | None:
    """Return the window of an ATen operation on feature maps [N, C, H, W], None if it has none."""
    if packet is aten.convolution:
        height, width = args[1].shape[2:]
        return Window((height, width), _pair(args[3]), _pair(args[5]), groups=args[8])
    if packet in (aten.max_pool2d_with_indices, aten.max_pool2d):
        return _pool_window(args, "max pool")
    if packet is aten.avg_pool2d:
        return _pool_window(args, "average pool")
    if packet in (aten._adaptive_avg_pool2d, aten.adaptive_max_pool2d):
        return _adaptive_window(args, packet is aten.adaptive_max_pool2d)
    if packet in (aten.mean, aten.amax):
        return _reduction_window(args)
    return None


def _pair(values: Sequence[int]) -> Pair:
    return values[0], values[-1]


def _pool_window(args: tuple[Any, ...], kind: str) -> Window | None:
    if args[0].dim() != 4:
        return None
    kernel = _pair(args[1])
    stride = _pair(args[2]) if len(args) > 2 and args[2] else kernel
    return Window(kernel, stride, pooling=kind)


def _adaptive_window(args: tuple[Any, ...], is_max: bool) -> Window:
    """Return the window of adaptive pooling, the whole map if its windows differ in size."""
    sizes, outputs = args[0].shape[2:], _pair(args[1])
    if outputs == (1, 1) and tuple(sizes) != (1, 1):
        return Window(None, (1, 1), pooling="global pool")
    pooling = "max pool" if is_max else "average pool"
    if any(size % output for size, output in zip(sizes, outputs, strict=True)):
        return Window(None, (1, 1), pooling=pooling)
    kernel = (sizes[0] // outputs[0], sizes[1] // outputs[1])
    return Window(kernel, kernel, pooling=pooling)


def _reduction_window(args: tuple[Any, ...]) -> Window | None:
    """Return the window of a mean or maximum over height and width."""
    images = args[0]
    dims = [args[1]] if len(args) > 1 and isinstance(args[1], int) else [*(args[1:2] or [[]])[0]]
    if images.dim() != 4 or {dim % 4 for dim in dims} != {2, 3}:
        return None
    kernel = (1, 1) if tuple(images.shape[2:]) == (1, 1) else None
    return Window(kernel, (1, 1), pooling="global pool")
