"""The smallest images that networks accept, read from a file without importing torch."""

import json
from functools import cache
from pathlib import Path

from cnncompare.errors import ModelError
from cnncompare.extensions.networks import SMALL_IMAGE_LIMIT
from cnncompare.models.catalog.names import is_file
from cnncompare.models.catalog.table import read_table

FILE = Path(__file__).with_name("smallest_sizes.json")


@cache
def smallest_sizes() -> dict[str, dict[str, dict[str, int]]]:
    """Return the smallest image size in pixels by source, network and stem.

    Networks that accept the smallest size of the configuration, 8 pixels, are left out.
    """
    sizes: dict[str, dict[str, dict[str, int]]] = json.loads(FILE.read_text("utf-8"))
    return sizes


def check_image_size(
    source: str, name: str, stem: str, weights: str | None, image_size: int | None
) -> None:
    """Raise ModelError if the network, with its default options, needs larger images.

    A network or a size that the file does not know is tested when the network is built.
    """
    if image_size is None:
        return
    if stem == "auto":
        small = image_size <= SMALL_IMAGE_LIMIT and (weights is None or is_file(weights))
        stem = "cifar" if small else "imagenet"
    smallest = smallest_sizes().get(source, {}).get(name, {}).get(stem, 0)
    if image_size >= smallest:
        return
    native = next(row["input_size"][2] for row in read_table() if row["name"] == name)
    changed = "model.stem=cifar or " if stem == "imagenet" and native > SMALL_IMAGE_LIMIT else ""
    raise ModelError(
        f"{name} with stem={stem} accepts images of {smallest} pixels or more, got {image_size}: "
        f"use {changed}data.image_size={native}"
    )
