"""Compute the table of networks and write it: ``python -m cnncompare.models.catalog.tabulate``."""

import json
from contextlib import nullcontext
from typing import Any

import torch

from cnncompare.errors import ModelError
from cnncompare.models.catalog.names import known_names
from cnncompare.models.catalog.papers import NO_CNN, TIMM, paper_of
from cnncompare.models.catalog.table import FILE, NetworkRow
from cnncompare.models.pretrained.weights import versions_of
from cnncompare.models.registry import (
    BuiltModel,
    build,
    count_macs,
    count_params,
    registered_model,
    size_mb,
)


def table_entries() -> list[tuple[str, str]]:
    """Return (source, name) of each network of the table."""
    own = [("own", name) for name in known_names("own")]
    zoo = [("torchvision", n) for n in known_names("torchvision") if not n.startswith(NO_CNN)]
    return [*own, *zoo, *(("timm", name) for name in TIMM)]


def compute_row(source: str, name: str) -> NetworkRow:
    """Return what the table says of one network; nearly all are built without memory."""
    family, year, paper, input_size = _about(source, name)
    classes = 10 if input_size[1] <= 64 else 1000
    # torchvision publishes GoogLeNet's count without its auxiliary heads.
    options: dict[str, Any] = {"aux_logits": False} if name == "googlenet" else {}
    network = _built(name, source, classes, input_size, "imagenet", options).network
    gmacs_32, changes = _small(source, name)
    return {
        "name": name,
        "family": family,
        "year": year,
        "source": source,
        "paper": paper,
        "params": count_params(network),
        "gmacs": round(count_macs(network, input_size) / 1e9, 6),
        "gmacs_32": gmacs_32,
        "size_mb": round(size_mb(network), 3),
        "input_size": list(input_size),
        "small_image_changes": changes,
        "weights": versions_of(source, name),
    }


def _about(source: str, name: str) -> tuple[str, int, str, tuple[int, int, int]]:
    if source == "own":
        model = registered_model(name)
        return model.family, model.year, model.paper, model.input_size
    from importlib import import_module

    size: int = import_module(f"cnncompare.models.{source}").native_size(name)
    return *paper_of(source, name), (3, size, size)


def _small(source: str, name: str) -> tuple[float | None, list[str] | None]:
    """Return the GMACs for one image of 32 pixels and 10 classes, and the changes made for it."""
    shape = (3, 32, 32)
    try:
        built = _built(name, source, 10, shape, "cifar", {})
    except ModelError:
        return None, None
    return round(count_macs(built.network, shape) / 1e9, 6), list(built.changes)


def _built(
    name: str,
    source: str,
    classes: int,
    image_shape: tuple[int, int, int],
    stem: str,
    options: dict[str, Any],
) -> BuiltModel:
    # RegNet computes its widths with tensors, which must hold values.
    with nullcontext() if name.startswith("regnet") else torch.device("meta"):
        return build(
            name,
            source=source,
            classes=classes,
            image_shape=image_shape,
            stem=stem,
            options=options,
        )


def main() -> None:
    """Write the table, a line a network, by year and name."""
    rows = sorted(
        (compute_row(source, name) for source, name in table_entries()),
        key=lambda r: (r["year"], r["family"], r["source"], r["params"]),
    )
    lines = ",\n".join(json.dumps(each) for each in rows)
    FILE.write_text(f"[\n{lines}\n]\n", "utf-8")


if __name__ == "__main__":
    main()
