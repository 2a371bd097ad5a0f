"""The content of an explanation: a network in one form, its layers, and its changes."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from torch import nn

from cnncompare.explain.subject import SMALL, Subject
from cnncompare.models.catalog.ideas import idea_of
from cnncompare.models.layers import IN_TRAINING, Layer, LayerTable, layer_table
from cnncompare.models.on_meta import build_on_meta, table_options

SMALL_SIZE = 32  # pixels, for which the changes are listed


@dataclass(frozen=True)
class ChangedLayer:
    """A layer as published and as for small images; None where it does not exist."""

    name: str
    original: Layer | None
    small: Layer | None


@dataclass(frozen=True)
class Explanation:
    """A network in one form: for a stem, an image shape and a number of classes."""

    subject: Subject
    stem: str
    image_shape: tuple[int, int, int]
    classes: int
    changes: tuple[str, ...]  # from the paper
    network: nn.Module

    @cached_property
    def table(self) -> LayerTable:
        """The layers, for an image of `image_shape`."""
        return layer_table(self.network, self.image_shape)

    @property
    def idea(self) -> list[str]:
        """Three sentences, none for a network outside the table."""
        return idea_of(self.subject.name)

    @cached_property
    def changed_layers(self) -> list[ChangedLayer]:
        """The layers that the form for 32x32 pixels changes; empty for a network without one."""
        native = self.subject.input_size
        if native[1] <= SMALL or self.subject.row["small_image_changes"] is None:
            return []
        published = explain(self.subject, None).table.layers
        small = explain(self.subject, SMALL_SIZE).table.layers
        return _changed(published, small)


def explain(subject: Subject, image_size: int | None) -> Explanation:
    """Return the explanation of the published form, or of the form for images of `image_size`.

    Images of up to 64 pixels have 10 classes and the small stem, as in runs. Raises ModelError for
    a size that the network does not accept.
    """
    channels, height, width = subject.input_size
    if image_size is not None:
        height = width = image_size
    stem = "cifar" if image_size is not None and image_size <= SMALL else "imagenet"
    classes = 10 if height <= SMALL else 1000
    shape = (channels, height, width)
    options = table_options(subject.name, stem)
    built = build_on_meta(subject.name, subject.source, classes, shape, stem, options)
    return Explanation(subject, stem, shape, classes, built.changes, built.network)


def as_json(explanation: Explanation) -> dict[str, Any]:
    """Return the object of ``explain --json``."""
    row, table = explanation.subject.row, explanation.table
    return {
        "name": explanation.subject.name,
        "source": explanation.subject.source,
        **{key: row[key] for key in ("family", "year", "paper")},
        "idea": explanation.idea,
        "stem": explanation.stem,
        "input_size": list(explanation.image_shape),
        "classes": explanation.classes,
        "params": table.params,
        "macs": table.macs,
        "gmacs": round(table.macs / 1e9, 6),
        "depth": table.depth,
        "small_image_changes": row["small_image_changes"],
        "changed_layers": [
            {"name": c.name, "original": _form(c.original), "small": _form(c.small)}
            for c in explanation.changed_layers
        ],
        "layers": [_layer(layer, table) for layer in table.layers],
    }


def share(part: int, total: int) -> float:
    """Return the share in [0, 1], 0 of a total of 0."""
    return part / total if total else 0.0


def _layer(layer: Layer, table: LayerTable) -> dict[str, Any]:
    return {
        "name": layer.name,
        "kind": layer.kind,
        "kernel": _list(layer.kernel),
        "stride": _list(layer.stride),
        "groups": layer.groups,
        "output": _list(layer.output),
        "params": layer.params,
        "params_share": share(layer.params, table.params),
        "macs": layer.macs,
        "macs_share": share(layer.macs, table.macs),
        "receptive_field": _list(layer.field),
    }


def _form(layer: Layer | None) -> dict[str, Any] | None:
    if layer is None:
        return None
    return {
        "kernel": _list(layer.kernel),
        "stride": _list(layer.stride),
        "output": _list(layer.output),
        "params": layer.params,
    }


def _list(values: tuple[int, ...] | None) -> list[int] | None:
    return None if values is None else list(values)


def _changed(published: list[Layer], small: list[Layer]) -> list[ChangedLayer]:
    """Return the layers with another kernel, stride or number of parameters, in network order.

    The last layer, which differs only in its classes, and auxiliary heads are left out.
    """
    before, after = _by_name(published), _by_name(small)
    last = [layer.name for layer in published if layer.kind == "linear"][-1:]
    return [
        ChangedLayer(name, before.get(name), after.get(name))
        for name in dict.fromkeys([*before, *after])
        if _essence(before.get(name)) != _essence(after.get(name))
        and not (
            name in last
            and name in after
            and before[name].params > after[name].params > 0
            and _inputs(before[name]) == _inputs(after[name])
        )
    ]


def _by_name(layers: list[Layer]) -> dict[str, Layer]:
    return {layer.name: layer for layer in layers if layer.kind not in (IN_TRAINING, "scale")}


def _essence(layer: Layer | None) -> tuple[Any, ...] | None:
    if layer is None:
        return None
    fixed = layer.kind in ("conv", "max pool")  # other pools fit their windows to the map
    return (
        layer.kind,
        layer.kernel if fixed else None,
        layer.stride if fixed else None,
        layer.params,
    )


def _inputs(layer: Layer) -> int:
    """Return the number of inputs of a linear layer."""
    return layer.macs // layer.output[-1] if layer.output else 0
