"""Regenerate the table of networks: ``python -m cnncompare.models.catalog.tabulate``."""

import json

from cnncompare.errors import ModelError
from cnncompare.models.catalog.names import known_names
from cnncompare.models.catalog.papers import NOT_CNNS, TIMM, paper_of
from cnncompare.models.catalog.table import FILE, NetworkRow
from cnncompare.models.on_meta import build_on_meta, table_options
from cnncompare.models.operations import trace_operations
from cnncompare.models.pretrained.weights import versions_of
from cnncompare.models.registry import (
    count_macs,
    count_params,
    registered_model,
    size_mb,
)


def table_entries() -> list[tuple[str, str]]:
    """Return (source, name) of each network of the table."""
    own = [("own", name) for name in known_names("own")]
    torchvision = [
        ("torchvision", name)
        for name in known_names("torchvision")
        if not name.startswith(NOT_CNNS)
    ]
    return [*own, *torchvision, *(("timm", name) for name in TIMM)]


def compute_row(source: str, name: str) -> NetworkRow:
    """Compute the row of one network, which is built on meta tensors where possible."""
    family, year, paper, input_size = _origin(source, name)
    classes = 10 if input_size[1] <= 64 else 1000
    options = table_options(name, "imagenet")
    network = build_on_meta(name, source, classes, input_size, "imagenet", options).network
    gmacs_32, changes = _small_image_form(source, name)
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
        "depth": trace_operations(network, input_size).depth,
    }


def _origin(source: str, name: str) -> tuple[str, int, str, tuple[int, int, int]]:
    """Return family, year, paper and input size (channels, height, width) of a network."""
    if source == "own":
        model = registered_model(name)
        return model.family, model.year, model.paper, model.input_size
    from importlib import import_module

    size: int = import_module(f"cnncompare.models.{source}").native_size(name)
    return *paper_of(source, name), (3, size, size)


def _small_image_form(source: str, name: str) -> tuple[float | None, list[str] | None]:
    """Return the GMACs for 3x32x32 and 10 classes and the changes for them, or None without any."""
    shape = (3, 32, 32)
    try:
        built = build_on_meta(name, source, 10, shape, "cifar", {})
    except ModelError:
        return None, None
    return round(count_macs(built.network, shape) / 1e9, 6), list(built.changes)


def main() -> None:
    """Write the table: one line per network, by year, family, source and size."""
    rows = sorted(
        (compute_row(source, name) for source, name in table_entries()),
        key=lambda row: (row["year"], row["family"], row["source"], row["params"]),
    )
    lines = ",\n".join(json.dumps(row) for row in rows)
    FILE.write_text(f"[\n{lines}\n]\n", "utf-8")


if __name__ == "__main__":
    main()
