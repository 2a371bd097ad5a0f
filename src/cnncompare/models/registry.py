"""The registry of networks, which builds any of them by name for given classes and images."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Any

from torch import nn

from cnncompare.errors import ModelError, closest
from cnncompare.extensions.kinds import MODELS
from cnncompare.extensions.networks import (
    REGISTERED,
    SMALL_IMAGE_LIMIT,
    RegisteredModel,
    register_model,
)
from cnncompare.models.catalog.names import check_name, check_weights, is_file, zoo_modules
from cnncompare.models.complexity import count_macs, count_params, size_mb
from cnncompare.models.input_sizes import FORWARD_ERRORS, accepts, image_size_error
from cnncompare.models.pretrained.weights import load_pretrained_weights, read_weights

__all__ = [
    "BuiltModel",
    "RegisteredModel",
    "build",
    "count_macs",
    "count_params",
    "register",
    "size_mb",
]

ZOO = f"{__package__}.zoo"
LIBRARIES = {"own": "builtin", "torchvision": "torchvision", "timm": "timm"}  # source: module
# torchvision's pretrained weights of these networks were trained with another normalisation.
TRANSFORMS_INPUT = ("googlenet", "inception_v3")
BUILD_ERRORS = (TypeError, *FORWARD_ERRORS)  # raised for wrong options or image sizes


@dataclass(frozen=True)
class BuiltModel:
    """A network and its description for the record."""

    network: nn.Module
    name: str
    source: str
    stem: str  # imagenet or cifar
    changes: tuple[str, ...] = ()  # differences from the paper, besides the classes
    aux_weight: float = 0.0  # weight of each auxiliary head's loss
    weights: str | None = None
    weights_prefix: str | None = None  # removed from the names of a file's tensors
    weights_map: str | None = None  # by_name or by_order, for weights from a file
    head: frozenset[str] = frozenset()  # names of the head's parameters, set for fine-tuning


register = register_model
MODELS.builtin = {name: f"{ZOO}.{module}" for name, module in zoo_modules().items()}


def registered_model(name: str) -> RegisteredModel:
    """Return the registered network; raises ModelError with the closest names if there is none."""
    if name in MODELS.builtin:
        import_module(MODELS.builtin[name])
    elif name not in REGISTERED:
        check_name("own", name, also=REGISTERED)
    return REGISTERED[name]


def build(
    name: str,
    *,
    source: str,
    classes: int,
    image_shape: tuple[int, int, int],
    stem: str = "auto",
    options: Mapping[str, Any] | None = None,
    weights: str | None = None,
    weights_map: str = "by_name",
    new_head: bool = True,
    load_weights: bool = True,
) -> BuiltModel:
    """Return the network `name` of `source` for `classes` and images of (channels, height, width).

    `stem` is "imagenet" (as published), "cifar" (for small images) or "auto", which is "cifar" up
    to 64 pixels, where the published stem would reduce the image too much. With a version of the
    pretrained weights, "auto" is "imagenet". `weights` is such a version or the path of a file,
    whose tensors are assigned as `weights_map` says ("by_name" or "by_order", by shape and order);
    None draws initial weights from torch's global generator. A last layer for other classes is
    initialised anew, or refused without `new_head`, when nothing will be trained. Without
    `load_weights` the network has the form that `weights` need, but initial weights. Raises
    ModelError for an unknown name, option or version, and for images that the network does not
    accept.
    """
    if load_weights:
        check_weights(source, name, weights, weights_map)
    pretrained = weights is not None and not is_file(weights)
    if stem == "auto":
        small = image_shape[2] <= SMALL_IMAGE_LIMIT and not pretrained
        stem = "cifar" if small else "imagenet"
    builder_options = dict(options or {})
    if pretrained and source == "torchvision" and name in TRANSFORMS_INPUT:
        builder_options = {"transform_input": True, **builder_options}
    built = _build(name, source, classes, image_shape, stem, builder_options)
    if weights is None or not load_weights:
        return built
    tensors = read_weights(source, name, weights)
    prefix = load_pretrained_weights(
        built.network, tensors, weights, classes, weights_map, new_head=new_head
    )
    return replace(
        built,
        weights=weights,
        weights_map=None if pretrained else weights_map,
        weights_prefix=prefix or None,
    )


def _build(
    name: str,
    source: str,
    classes: int,
    image_shape: tuple[int, int, int],
    stem: str,
    options: dict[str, Any],
) -> BuiltModel:
    """Return the network with initial weights, after testing that it accepts the image size."""
    channels, _, image_size = image_shape
    library = _library(source, name)
    _check_options(name, options, library.known_options(name) if options else [])

    def build_for(size: int) -> BuiltModel:
        built: BuiltModel = library.build(
            name, classes=classes, in_channels=channels, image_size=size, stem=stem, options=options
        )
        return built

    native_size: int = library.native_size(name)
    accepts_size = partial(_accepts_size, build_for, channels)
    try:
        built = build_for(image_size)
    except BUILD_ERRORS as error:
        if source == "own" and accepts_size(native_size):
            size_error = image_size_error(name, stem, image_size, native_size, accepts_size)
            raise size_error from error
        if options:
            raise _options_error(name, options, error) from error
        raise
    # Only registered networks depend on the image size; those of a library are built once.
    if source != "own":
        accepts_size = partial(_accepts_size, lambda size: built, channels)
    if not _accepts_size(lambda size: built, channels, image_size):
        raise image_size_error(name, stem, image_size, native_size, accepts_size)
    return built


def _library(source: str, name: str) -> ModuleType:
    """Return the module builtin, torchvision or timm; imports only the requested library."""
    if source != "own" or name not in REGISTERED:
        check_name(source, name)
    return import_module(f"{__package__}.{LIBRARIES[source]}")


def _check_options(name: str, options: Mapping[str, Any], known: list[str]) -> None:
    for option in options:
        if option not in known:
            raise ModelError(
                f"{name} has no option {option!r}{closest(option, known)} "
                f"(known: {', '.join(known) or 'none'})"
            )


def _options_error(name: str, options: dict[str, Any], error: Exception) -> ModelError:
    reason = str(error).splitlines()[0]
    return ModelError(f"{name} cannot be built with options {options}: {reason}")


def _accepts_size(build_for: Callable[[int], BuiltModel], channels: int, image_size: int) -> bool:
    """Return whether the network that `build_for` returns for `image_size` accepts such images."""
    try:
        built = build_for(image_size)
    except BUILD_ERRORS:
        return False
    # Auxiliary heads, which only training uses, need a larger feature map than the rest.
    return accepts(built.network, (channels, image_size, image_size), training=built.aux_weight > 0)
