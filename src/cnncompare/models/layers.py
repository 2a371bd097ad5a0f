"""The layer table of a network, whose sums equal its parameters and MACs."""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from cnncompare.models.operations import Operation, Trace, trace_operations

IN_TRAINING = "only in training"
_LISTED = ("conv", "linear", "norm", "product", "max pool", "average pool", "global pool")
_WITH_PARAMETERS = ("conv", "linear", "norm")


@dataclass(frozen=True)
class Layer:
    """A row of the layer table; `output` is (channels, height, width) or (features,).

    `kernel` and `stride` are (height, width) and None for layers without a window, `field` is the
    receptive field in pixels and None if it is the whole image. The layers of auxiliary heads have
    the kind "only in training", no output and no MACs.
    """

    name: str
    kind: str
    kernel: tuple[int, int] | None
    stride: tuple[int, int] | None
    groups: int
    output: tuple[int, ...] | None
    params: int
    macs: int
    field: tuple[int, int] | None


@dataclass(frozen=True)
class LayerTable:
    """The layers of a network in order of application, and the trace they come from."""

    layers: list[Layer]
    trace: Trace

    @property
    def operations(self) -> list[Operation]:
        """The operations, which include additions and concatenations."""
        return self.trace.operations

    @property
    def outputs(self) -> dict[str, tuple[int, ...]]:
        """The shape of each module's output, without the batch."""
        return self.trace.outputs

    @property
    def depth(self) -> int:
        """The number of convolutions and fully connected layers on the longest path."""
        return self.trace.depth

    @property
    def params(self) -> int:
        """The number of parameters, as of count_params."""
        return sum(layer.params for layer in self.layers)

    @property
    def macs(self) -> int:
        """The number of MACs for one image, as of count_macs."""
        return sum(layer.macs for layer in self.layers)


def layer_table(network: nn.Module, image_shape: tuple[int, int, int]) -> LayerTable:
    """Return the layers of `network` for an image of (channels, height, width) in eval mode.

    Activations, dropout and additions, which have neither parameters nor MACs, are left out.
    Parameters outside the listed layers, such as ConvNeXt's scales, are rows of their own.
    """
    trace, counted = trace_operations(network, image_shape), set[int]()
    layers = [
        _layer(operation, network, counted)
        for operation in trace.operations
        if operation.kind in _LISTED
    ]
    layers += _remaining(network, counted, {"", *trace.outputs})
    return LayerTable(layers, trace)


def _layer(operation: Operation, network: nn.Module, counted: set[int]) -> Layer:
    params = 0
    if operation.kind in _WITH_PARAMETERS:
        params = _own_parameters(network.get_submodule(operation.module), counted)
    window = operation.window
    return Layer(
        operation.module,
        operation.kind,
        window.kernel if window else None,
        window.stride if window and window.kernel else None,
        window.groups if window else 1,
        operation.output,
        params,
        operation.macs,
        operation.field,
    )


def _own_parameters(module: nn.Module, counted: set[int]) -> int:
    """Return the parameters of `module` without its submodules that were not yet counted."""
    new = [p for p in module.parameters(recurse=False) if id(p) not in counted]
    counted.update(map(id, new))
    return sum(parameter.numel() for parameter in new)


def _remaining(network: nn.Module, counted: set[int], applied: set[str]) -> Iterator[Layer]:
    """Yield a row for each module with parameters that no operation of the table uses."""
    for name, module in network.named_modules():
        params = _own_parameters(module, counted)
        if params:
            kind = "scale" if name in applied else IN_TRAINING
            yield Layer(name, kind, None, None, 1, None, params, 0, None)
