"""The operations of a forward pass, with shapes, MACs, depth and receptive fields."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from cnncompare.models.complexity import eval_mode, forward_on_meta
from cnncompare.models.windows import Field, Window, widened, window_of

IMAGE = -1  # number of the image among the inputs of an operation
aten = torch.ops.aten
_PRODUCTS = {aten.addmm, aten.mm, aten.bmm, aten.baddbmm}
_NORMS = {
    *(aten.native_batch_norm, aten._native_batch_norm_legit_no_training),
    *(aten.native_layer_norm, aten.native_group_norm),
}
_JOINS = {
    aten.add: "add",
    aten.add_: "add",
    aten.mul: "multiply",
    aten.mul_: "multiply",
    aten.cat: "concat",
    aten.stack: "join",
}
WEIGHTED = ("conv", "linear")


@dataclass(frozen=True)
class Operation:
    """A convolution, matrix product, normalisation, pooling or junction of branches.

    `kind` is conv, linear, product (of two feature maps), norm, max pool, average pool, global
    pool, add, multiply, concat or join. `inputs` are the numbers of the operations whose results
    it uses, normalisations aside. `depth` counts the weighted layers on the longest path that ends
    here; `field` is the receptive field in pixels (height, width), None if it is the whole image.
    """

    number: int
    kind: str
    module: str
    inputs: tuple[int, ...]
    window: Window | None
    output: tuple[int, ...]  # [C, H, W] or [features]
    macs: int
    depth: int
    field: tuple[int, int] | None


@dataclass(frozen=True)
class Trace:
    """The operations of a forward pass, the network's depth, and the output of each module.

    The depth is the number of convolutions and fully connected layers on the longest path from the
    image to the output.
    """

    operations: list[Operation]
    depth: int
    outputs: dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class _Trail:
    """The origin of a tensor: source operations, longest path and receptive field."""

    sources: tuple[int, ...]
    depth: int
    field: Field | None
    pixels: int  # of its feature map


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records the operations on all tensors that depend on the image."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations: list[Operation] = []
        self.outputs: dict[str, tuple[int, ...]] = {}  # shapes by module, without the batch
        self.modules: list[str] = []  # those that are running, outermost first
        self._trails: dict[int, tuple[Tensor, _Trail]] = {}  # the tensor keeps its id in use

    def follow(self, tensor: Tensor, trail: _Trail) -> None:
        self._trails[id(tensor)] = (tensor, trail)

    def trail(self, tensor: Tensor) -> _Trail | None:
        entry = self._trails.get(id(tensor))
        return entry[1] if entry else None

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        trails = [trail for tensor in _tensors(args) if (trail := self.trail(tensor))]
        if trails:
            outputs = [*_tensors([result])]
            trail = self._record(func._overloadpacket, args, kwargs or {}, trails, outputs, result)
            for output in outputs:
                self.follow(output, trail)
        return result

    def _record(
        self,
        packet: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        trails: list[_Trail],
        outputs: list[Tensor],
        result: Any,
    ) -> _Trail:
        """Append the operation if it is one of those listed; return the trail of its results."""
        trail, shape = _merged(trails), tuple(outputs[0].shape)
        window = window_of(packet, args)
        kind = _kind(packet, args, trails, trail, window)
        if kind is None:
            return trail
        if window is not None:
            trail = replace(trail, field=widened(trail.field, window), pixels=math.prod(shape[2:]))
        if kind == "linear" and trail.pixels != shape[0]:  # not applied pixel by pixel
            trail = replace(trail, field=None, pixels=1)
        if kind in WEIGHTED:
            trail = replace(trail, depth=trail.depth + 1)
        count = flop_registry.get(packet)
        macs = int(count(*args, **kwargs, out_val=result)) // 2 if count else 0
        number = len(self.operations)
        field = None if trail.field is None else trail.field.size
        module, output = self.modules[-1] if self.modules else "", shape[1:][-3:]
        self.operations.append(
            Operation(number, kind, module, trail.sources, window, output, macs, trail.depth, field)
        )
        return trail if kind == "norm" else replace(trail, sources=(number,))


def trace_operations(network: nn.Module, image_shape: tuple[int, int, int]) -> Trace:
    """Return the operations of `network` for one image in eval mode.

    `image_shape` is (channels, height, width). The forward pass runs on meta tensors.
    """
    recorder = _Recorder()
    with eval_mode(network), _followed_modules(network, recorder), recorder:
        output = forward_on_meta(network, (1, *image_shape))
    trail = recorder.trail(output)
    return Trace(recorder.operations, trail.depth if trail else 0, recorder.outputs)


@contextmanager
def _followed_modules(network: nn.Module, recorder: _Recorder) -> Iterator[None]:
    """Let the recorder know which module is running, and which tensor is the image."""

    def enter(name: str, inputs: tuple[Any, ...]) -> None:
        if name == "":
            _, height, width = inputs[0].shape[1:]
            recorder.follow(inputs[0], _Trail((IMAGE,), 0, Field((1, 1), (1, 1)), height * width))
        recorder.modules.append(name)
        starts.append(len(recorder.operations))

    def leave(module: nn.Module, output: Any) -> None:
        name, start = recorder.modules.pop(), starts.pop()
        if not isinstance(output, Tensor):
            return
        recorder.outputs[name] = tuple(output.shape[1:])
        if not [*module.children()]:
            _correct_shapes(recorder.operations, start, name, module, output)

    starts: list[int] = []
    handles = []
    for name, module in network.named_modules():
        handles += [
            module.register_forward_pre_hook(lambda _, inputs, name=name: enter(name, inputs)),
            module.register_forward_hook(lambda module, _, output: leave(module, output)),
        ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _correct_shapes(
    operations: list[Operation], start: int, name: str, module: nn.Module, output: Tensor
) -> None:
    """Replace the shapes of internal results, which may be flattened, by the module's output."""
    shape = tuple(output.shape[1:])
    if type(module) in (nn.Linear, nn.LayerNorm) and len(shape) == 3:
        shape = (shape[2], shape[0], shape[1])  # these work on [N, H, W, C]
    for position in range(start, len(operations)):
        operation = operations[position]
        if operation.module == name and math.prod(operation.output) != math.prod(shape):
            continue
        operations[position] = replace(operation, output=shape)


def _tensors(values: Sequence[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)


def _merged(trails: list[_Trail]) -> _Trail:
    """Return the trail of a result of several tensors.

    Where feature maps meet factors that depend on the whole image, as in squeeze-and-excitation,
    the receptive field is that of the feature maps.
    """
    sources = dict.fromkeys(source for trail in trails for source in trail.sources)
    local = [trail.field for trail in trails if trail.field is not None]
    return _Trail(
        tuple(sources),
        max(trail.depth for trail in trails),
        Field.union(local) if local else None,
        max(trail.pixels for trail in trails),
    )


def _kind(
    packet: Any, args: tuple[Any, ...], trails: list[_Trail], merged: _Trail, window: Window | None
) -> str | None:
    """Return the kind of an operation, None for those that are not recorded."""
    if packet is aten.convolution:
        return "conv"
    if packet in _PRODUCTS:
        return "linear" if len(trails) == 1 else "product"
    if packet in _NORMS:
        return "norm"
    if window is not None:
        return window.pooling
    if len(merged.sources) > 1 and any(trail.sources != merged.sources for trail in trails):
        return _JOINS.get(packet)
    return None
