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
    return [
        Row(
            layer.name or "(network)",
            kind_text(layer),
            shape_text(layer.output),
            field_text(layer),
            layer.params,
            share(layer.params, table.params),
            layer.macs,
            share(layer.macs, table.macs),
        )
        for layer in table.layers
    ]


def shortened_rows(rows: list[Row], most: int) -> list[Row]:
    """Return at most `most` rows where possible, with the layers of a module in one row.

    The names are cut to as many parts as give enough rows.
    """
    depth = max(row.name.count(".") for row in rows) + 1
    grouped = rows
    while depth > 0 and len(grouped) > most:
        grouped = [
            _sum(name, [*group]) for name, group in groupby(rows, key=_cut_to(depth))
        ]
        depth -= 1
    return grouped


def _cut_to(parts: int) -> Callable[[Row], str]:
    return lambda row: ".".join(row.name.split(".")[:parts])


def _sum(name: str, rows: list[Row]) -> Row:
    if len(rows) == 1:
        return rows[0]
    kinds = Counter(row.kind.split(" ")[0] for row in rows)
    names = {"conv": "conv", "linear": "linear"}
    weighted = [f"{kinds[kind]} {names[kind]}" for kind in names if kinds[kind]]
    return Row(
        name,
        ", ".join(weighted) or f"{len(rows)} layers",
        rows[-1].output,
        rows[-1].field,
        sum(row.params for row in rows),
        sum(row.params_share for row in rows),
        sum(row.macs for row in rows),
        sum(row.macs_share for row in rows),
    )


def kind_text(layer: Layer) -> str:
    """Return the kind with kernel, stride and groups: "conv 3x3/2, 32 groups"."""
    if layer.kernel is None or layer.kind == "global pool":
        return layer.kind
    height, width = layer.kernel
    stride = f"/{layer.stride[0]}" if layer.stride and layer.stride[0] > 1 else ""
    groups = f", {layer.groups} groups" if layer.groups > 1 else ""
    return f"{layer.kind} {height}x{width}{stride}{groups}"


def shape_text(shape: tuple[int, ...] | None) -> str:
    """Return "64x56x56", and a dash for a layer without output."""
    return UNKNOWN if shape is None else "x".join(map(str, shape))


def field_text(layer: Layer) -> str:
    """Return the receptive field in pixels, "image" where it is the whole image."""
    if layer.output is None:
        return UNKNOWN
    return "image" if layer.field is None else "x".join(map(str, layer.field))
