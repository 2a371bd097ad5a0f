"""The layer of a network whose class activation maps are shown."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

_RESIZING_POOLS = (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)


@dataclass(frozen=True)
class MapLayer:
    """A layer by its name in the network, with the height and width of its output."""

    name: str
    height: int
    width: int

    @property
    def description(self) -> str:
        """The name and the size, as in "layer4 (7x7)"."""
        return f"{self.name} ({self.height}x{self.width})"


class _OutputReader:
    """Hook that notes the last output [N, C, H, W] of each module, in the order of the calls."""

    def __init__(self, network: nn.Module) -> None:
        self.outputs: dict[str, Tensor] = {}
        self._names = {module: name for name, module in network.named_modules() if name}
        self._enlarged: list[Tensor] = []  # by pools, which repeat values

    def __call__(self, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        name = self._names[module]
        self.outputs.pop(name, None)  # of an earlier call
        if not isinstance(output, Tensor) or output.ndim != 4 or not output.requires_grad:
            return
        if isinstance(module, _RESIZING_POOLS) and inputs[0].shape[2:].numel() < _area(output):
            self._enlarged.append(output)
        if _area(output) > 1 and not any(output is other for other in self._enlarged):
            self.outputs[name] = output

    def attach(self) -> list[torch.utils.hooks.RemovableHandle]:
        return [module.register_forward_hook(self) for module in self._names]


def find_map_layer(network: nn.Module, image: Tensor) -> MapLayer | None:
    """Return the last layer that feeds the classifier with more than one position, if any.

    `image` [1, C, H, W] is the network's input. The output of a layer feeds the classifier if the
    scores have a gradient with respect to it. The output of an adaptive pool that is larger than
    its input, as in VGG with small images, repeats values; the layer before is returned.
    """
    reader = _OutputReader(network)
    handles = reader.attach()
    try:
        with torch.enable_grad():  # a clone, since layers may change their input in place
            scores = network(image.detach().requires_grad_().clone())
    finally:
        for handle in handles:
            handle.remove()
    for name, output in reversed(reader.outputs.items()):
        (gradient,) = torch.autograd.grad(
            scores.sum(), output, retain_graph=True, allow_unused=True
        )
        if gradient is not None:
            return MapLayer(name, output.shape[2], output.shape[3])
    return None


def _area(output: Tensor) -> int:
    return output.shape[2] * output.shape[3]
