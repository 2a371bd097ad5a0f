"""Responses of the filters of a network to images: their extremes, and feature maps."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakIdKeyDictionary

aten = torch.ops.aten
_NORMS = (aten.native_batch_norm, aten._native_batch_norm_legit_no_training, aten.cudnn_batch_norm)
_NORMS_OF_CPU = (aten.batch_norm, aten._batch_norm_impl_index)
_ACTIVATIONS = {
    *(aten.relu, aten.relu_, aten.hardtanh, aten.hardtanh_, aten.tanh, aten.tanh_),
    *(aten.silu, aten.silu_, aten.gelu, aten.hardswish, aten.hardswish_, aten.leaky_relu),
    *(aten.elu, aten.elu_, aten.leaky_relu_, aten.clamp_min, aten.clamp_min_),
}
_SMALLEST_MAP = 2  # pixels; gates of squeeze-and-excitation have one


@dataclass(frozen=True)
class DeadFilters:
    """The filters of a convolution, and those whose response never changes."""

    layer: str
    filters: int
    dead: list[int]


class _ResponseReader(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Calls `read` with the name of a convolution and its activated output [N, C, H, W]."""

    def __init__(self, network: nn.Module, read: Callable[[str, Tensor], None]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._read = read
        self._names = {
            id(module.weight): name
            for name, module in network.named_modules()
            if isinstance(module, nn.Conv2d)
        }
        self._layers: Any = WeakIdKeyDictionary()  # of outputs that are not activated yet

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        result, packet = func(*args, **(kwargs or {})), func._overloadpacket
        output = result[0] if isinstance(result, tuple) else result
        if packet is aten.convolution:
            name = self._names.get(id(args[1]))
            if name is not None:
                self._layers[output] = name
        elif args and isinstance(args[0], Tensor) and args[0] in self._layers:
            name = self._layers[args[0]]
            if packet in _NORMS or packet in _NORMS_OF_CPU:
                self._layers[output] = name
            elif packet in _ACTIVATIONS:
                del self._layers[args[0]]
                if min(output.shape[2:]) >= _SMALLEST_MAP:
                    self._read(name, output)
        return result


def find_dead_filters(network: nn.Module, batches: Iterable[Tensor]) -> list[DeadFilters]:
    """Return, for each convolution with an activation, the filters with a constant response.

    The response is constant if the activated output, such as the zero of a ReLU, is the same at
    all positions of all images [N, C, H, W]. Convolutions without an activation of their own, as
    before the addition of a residual block, are left out.
    """
    lowest: dict[str, Tensor] = {}
    highest: dict[str, Tensor] = {}

    def read(layer: str, output: Tensor) -> None:
        low, high = output.amin((0, 2, 3)), output.amax((0, 2, 3))
        lowest[layer] = torch.minimum(lowest.get(layer, low), low)
        highest[layer] = torch.maximum(highest.get(layer, high), high)

    with torch.no_grad():
        for images in batches:
            with _ResponseReader(network, read):
                network(images)
    return [
        DeadFilters(
            layer,
            len(lowest[layer]),
            (lowest[layer] == highest[layer]).nonzero().flatten().tolist(),
        )
        for layer in lowest
    ]


def feature_maps(network: nn.Module, image: Tensor) -> dict[str, Tensor]:
    """Return the activated outputs [C, H, W] of the convolutions for one image [1, C, H, W]."""
    maps: dict[str, Tensor] = {}
    with (
        torch.no_grad(),
        _ResponseReader(network, lambda name, out: maps.update({name: out[0].clone()})),
    ):
        network(image)
    return maps


def first_filters(network: nn.Module) -> tuple[str, Tensor] | None:
    """Return the name and the weights [filters, channels, H, W] of the first convolution."""
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):
            return name, module.weight.detach()
    return None
