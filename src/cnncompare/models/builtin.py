"""Registered networks: those of this project and those of a user's module."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from cnncompare.models.registry import BuiltModel, registered_model


def native_size(name: str) -> int:
    """Return the image size of the paper, in pixels."""
    return registered_model(name).input_size[1]


def known_options(name: str) -> list[str]:
    """Return the keyword arguments of the builder, without those that every builder has."""
    common = ("classes", "in_channels", "image_size", "stem")
    return [
        option
        for option in inspect.signature(registered_model(name).build).parameters
        if option not in common
    ]


def build(
    name: str,
    *,
    classes: int,
    in_channels: int,
    image_size: int,
    stem: str,
    options: dict[str, Any],
) -> BuiltModel:
    """Return the network and its changes from the paper.

    Raises the builder's exceptions: ValueError for an image size that the network does not accept.
    """
    model = registered_model(name)
    network = model.build(
        classes=classes, in_channels=in_channels, image_size=image_size, stem=stem, **options
    )
    changes = model.small_image_changes if stem == "cifar" and not model.small else ()
    if in_channels != model.input_size[0] == 3:
        changes = (*changes, f"{in_channels} input channel instead of 3")
    changes = (*changes, *option_changes(model.build, options))
    return BuiltModel(network, name, "own", stem, changes)


def option_changes(builder: Callable[..., Any], options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a text such as "lrn true -> false" for each option that is not the builder's default.

    The builder's signature declares the options.
    """
    defaults = {name: p.default for name, p in inspect.signature(builder).parameters.items()}
    return tuple(
        f"{name} {_as_typed(default)} -> {_as_typed(options[name])}"
        for name, default in defaults.items()
        if name in options and options[name] != default
    )


def _as_typed(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
