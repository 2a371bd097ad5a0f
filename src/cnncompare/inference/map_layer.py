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
        is_map = isinstance(output, Tensor) and output.ndim == 4 and output.requires_grad
        if not is_map or isinstance(module, nn.Identity):
            return
        if isinstance(module, _RESIZING_POOLS) and inputs[0].shape[2:].numel() < _area(output):
            self._enlarged.append(output)
        if _area(output) > 1 and not any(output is other for other in self._enlarged):
            self.outputs[name] = output

    def attach(self) -> list[torch.utils.hooks.RemovableHandle]:
        return [module.register_forward_hook(self) for module in self._names]


def find_map_layer(network: nn.Module, image: Tensor) -> MapLayer | None:
    """Return the last layer with more than one position that feeds the classifier, if any.

    `image` [1, C, H, W] is the network's input. A layer feeds the classifier if everything that
    the scores depend on passes through it: no branch of a block, but the block. Without such a
    layer, it is the last one on which the scores depend. The output of an adaptive pool that is
    larger than its input, as in VGG with small images, repeats values and does not count.
    """
    reader = _OutputReader(network)
    handles = reader.attach()
    leaf = image.detach().requires_grad_()
    try:
        with torch.enable_grad():
            scores = network(leaf.clone())  # layers may change their input in place
    finally:
        for handle in handles:
            handle.remove()
    names = list(reversed(reader.outputs))
    chosen = next((n for n in names if not _reaches(scores, leaf, reader.outputs[n])), None)
    if chosen is None:
        chosen = next((n for n in names if _reaches(scores, reader.outputs[n])), None)
    return None if chosen is None else MapLayer(chosen, *reader.outputs[chosen].shape[2:])


def _reaches(scores: Tensor, goal: Tensor, barrier: Tensor | None = None) -> bool:
    """Return whether the scores depend on `goal` by a path that does not lead over `barrier`."""
    seen = set() if barrier is None else {barrier.grad_fn}
    open_nodes: list[Any] = [scores.grad_fn]
    while open_nodes:
        node = open_nodes.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if node is goal.grad_fn or getattr(node, "variable", None) is goal:
            return True
        open_nodes += [before for before, _ in node.next_functions]
    return False


def _area(output: Tensor) -> int:
    return output.shape[2] * output.shape[3]
