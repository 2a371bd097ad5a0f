"""Networks without values of weights, for the computation of shapes and counts."""

from contextlib import nullcontext
from typing import Any

import torch

from cnncompare.models.registry import BuiltModel, build


def build_on_meta(
    name: str,
    source: str,
    classes: int,
    image_shape: tuple[int, int, int],
    stem: str,
    options: dict[str, Any],
) -> BuiltModel:
    """Return the network of `registry.build`, on meta tensors where possible."""
    # RegNet computes its widths from the values of tensors, which meta tensors lack.
    with nullcontext() if name.startswith("regnet") else torch.device("meta"):
        return build(
            name,
            source=source,
            classes=classes,
            image_shape=image_shape,
            stem=stem,
            options=options,
        )


def table_options(name: str, stem: str) -> dict[str, Any]:
    """Return the options with which the table counts a network.

    Its published GoogLeNet has no auxiliary heads, as in torchvision's documentation.
    """
    return {"aux_logits": False} if name == "googlenet" and stem == "imagenet" else {}
