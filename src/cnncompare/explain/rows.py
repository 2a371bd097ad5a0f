"""Rows of the layer table as text, one by one or grouped by module."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

from cnncompare.explain.explanation import share
from cnncompare.models.layers import Layer, LayerTable
from cnncompare.terminal.formatting import UNKNOWN


@dataclass(frozen=True)
class Row:
    """A layer, or several in sequence, as text, with the counts and their shares in [0, 1]."""

    name: str
    kind: str
    output: str
    field: str
    params: int
    params_share: float
    macs: int
    macs_share: float


def layer_rows(table: LayerTable) -> list[Row]:
    """Return a row for each layer."""
    return [_row(layer.name or "(network)", [layer], table) for layer in table.layers]


def shortened_rows(table: LayerTable, most: int) -> list[Row]:
    """Return at most `most` rows where possible, with the layers of a module in one row.

    The names are cut to as many parts as give few enough rows.
    """
    rows: list[Row] = []
    for parts in range(max(layer.name.count(".") for layer in table.layers) + 1, 0, -1):
        groups = groupby(table.layers, key=_cut_to(parts))
        rows = [_row(name, [*layers], table) for name, layers in groups]
        if len(rows) <= most:
            break
    return rows


def _cut_to(parts: int) -> Callable[[Layer], str]:
    return lambda layer: ".".join(layer.name.split(".")[:parts])


def _row(name: str, layers: list[Layer], table: LayerTable) -> Row:
    """Return the row of one layer, or of all layers of the module `name`."""
    single = len(layers) == 1
    params = sum(layer.params for layer in layers)
    macs = sum(layer.macs for layer in layers)
    return Row(
        name,
        kind_text(layers[0]) if single else _kinds_text(layers),
        output_text(layers[0].output if single else table.outputs.get(name, layers[-1].output)),
        _field_text(layers),
        params,
        share(params, table.params),
        macs,
        share(macs, table.macs),
    )


def kind_text(layer: Layer) -> str:
    """Return the kind with kernel, stride and groups: "conv 3x3/2, 32 groups"."""
    if layer.kernel is None or layer.kind == "global pool":
        return layer.kind
    height, width = layer.kernel
    stride = f"/{layer.stride[0]}" if layer.stride and layer.stride[0] > 1 else ""
    groups = f", {layer.groups} groups" if layer.groups > 1 else ""
    return f"{layer.kind} {height}x{width}{stride}{groups}"


def _kinds_text(layers: list[Layer]) -> str:
    """Return the numbers of the weighted layers: "3 convs", "1 conv, 2 linear"."""
    kinds = Counter(layer.kind for layer in layers)
    convs = f"{kinds['conv']} conv{'s' if kinds['conv'] > 1 else ''}"
    texts = [convs] * (kinds["conv"] > 0) + [f"{kinds['linear']} linear"] * (kinds["linear"] > 0)
    return ", ".join(texts) or f"{len(layers)} layers"


def output_text(shape: tuple[int, ...] | None) -> str:
    """Return "64x56x56", and a dash for a layer without output."""
    return UNKNOWN if shape is None else "x".join(map(str, shape))


def _field_text(layers: list[Layer]) -> str:
    """Return the largest receptive field in pixels, "image" where it is the whole image."""
    applied = [layer for layer in layers if layer.output is not None]
    if not applied:
        return UNKNOWN
    fields = [layer.field for layer in applied if layer.field is not None]
    if not fields or applied[-1].field is None:
        return "image"
    return "x".join(map(str, max(fields)))
