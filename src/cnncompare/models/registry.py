"""The registry: builds any network by name, for any number of classes and any image."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Any

from torch import nn

from cnncompare.errors import ModelError, closest
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
SMALL_IMAGE = 64  # pixels; five halvings leave 2x2 of it
TRANSFORMS_INPUT = ("googlenet", "inception_v3")  # torchvision's, with published weights
BUILD_ERRORS = (TypeError, *FORWARD_ERRORS)  # what a builder raises for its options, or the size
Builder = Callable[..., nn.Module]


@dataclass(frozen=True)
class RegisteredModel:
    """A network of the project's own, or of the user's own module."""

    name: str
    family: str
    year: int
    paper: str
    input_size: tuple[int, int, int]  # (channels, height, width) in the paper
    small_image_changes: tuple[str, ...]
    build: Builder

    @property
    def small(self) -> bool:
        """Whether the published network was made for small images: its stem is the small one."""
        return self.input_size[1] <= SMALL_IMAGE


@dataclass(frozen=True)
class BuiltModel:
    """A network and what is to be said about it in the record."""

    network: nn.Module
    name: str
    source: str
    stem: str  # imagenet or cifar
    changes: tuple[str, ...] = ()  # what differs from the published network, besides the classes
    aux_weight: float = 0.0  # of each auxiliary head's loss
    weights: str | None = None
    weights_map: str | None = None  # by_name or by_order: how a file's tensors were assigned
    head: frozenset[str] = frozenset()  # names of its parameters, where fine-tuning asks for them


_REGISTERED: dict[str, RegisteredModel] = {}


def register(
    name: str,
    *,
    family: str,
    year: int,
    paper: str,
    input_size: tuple[int, int, int],
    small_image_changes: tuple[str, ...] = (),
) -> Callable[[Builder], Builder]:
    """Return a decorator that makes a builder known by `name`; raises ModelError on a duplicate.

    The builder is called as ``builder(classes=, in_channels=, image_size=, stem=, **options)`` and
    raises ValueError for an image size it cannot take. `stem` is "imagenet" (as published) or
    "cifar"; `small_image_changes` says what the latter changes.
    """

    def decorate(builder: Builder) -> Builder:
        home = zoo_modules().get(name)
        shipped_elsewhere = home and builder.__module__ != f"{ZOO}.{home}"
        if name in _REGISTERED or shipped_elsewhere:
            raise ModelError(f"model {name!r} is registered twice; choose another name")
        _REGISTERED[name] = RegisteredModel(
            name, family, year, paper, input_size, small_image_changes, builder
        )
        return builder

    return decorate


def registered_model(name: str) -> RegisteredModel:
    """Return the registered network; raises ModelError, with the closest names, when unknown."""
    if name not in _REGISTERED:
        check_name("own", name, also=_REGISTERED)
        import_module(f"{ZOO}.{zoo_modules()[name]}")
    return _REGISTERED[name]


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
) -> BuiltModel:
    """Return the network `name` of `source` for `classes` and images of (channels, height, width).

    `stem` is "imagenet" (as published), "cifar" (for small images), or "auto": "cifar" up to 64
    pixels, where a published stem would shrink the image away, but "imagenet" for a published
    version of `weights`. Weights may also be a file's path, whose tensors are assigned by name, or
    by shape and order (`weights_map` "by_name", "by_order"); without any, they are drawn from
    torch's global generator. Raises ModelError for an unknown name, option or weights, and for
    images that the network cannot take.
    """
    check_weights(source, name, weights, weights_map)
    published = weights is not None and not is_file(weights)
    if stem == "auto":
        stem = "cifar" if image_shape[2] <= SMALL_IMAGE and not published else "imagenet"
    asked = dict(options or {})
    if published and source == "torchvision" and name in TRANSFORMS_INPUT:
        asked = {"transform_input": True, **asked}  # these weights know another normalisation
    built = _build(name, source, classes, image_shape, stem, asked)
    if weights is None:
        return built
    tensors = read_weights(source, name, weights)
    load_pretrained_weights(built.network, tensors, weights, classes, weights_map)
    return replace(built, weights=weights, weights_map=None if published else weights_map)


def _build(
    name: str,
    source: str,
    classes: int,
    image_shape: tuple[int, int, int],
    stem: str,
    asked: dict[str, Any],
) -> BuiltModel:
    channels, _, image_size = image_shape
    library = _library(source, name)
    _check_options(name, asked, library.known_options(name) if asked else [])

    def make(size: int) -> BuiltModel:
        built: BuiltModel = library.build(
            name, classes=classes, in_channels=channels, image_size=size, stem=stem, options=asked
        )
        return built

    native: int = library.native_size(name)
    try:
        built = make(image_size)
    except BUILD_ERRORS as error:
        if source == "own" and _fits(make, channels, native):
            raise image_size_error(
                name, stem, image_size, native, partial(_fits, make, channels)
            ) from error
        if not asked:
            raise
        reason = str(error).splitlines()[0]
        raise ModelError(f"{name} cannot be built with options {asked}: {reason}") from error
    # Only own networks are built for an image size; those of the libraries need it once.
    at = make if source == "own" else lambda size: built
    if not _fits(lambda size: built, channels, image_size):
        raise image_size_error(name, stem, image_size, native, partial(_fits, at, channels))
    return built


def _library(source: str, name: str) -> ModuleType:
    """Return the module builtin, torchvision or timm, each with its own imports."""
    if source != "own" or name not in _REGISTERED:
        check_name(source, name)
    return import_module(f"{__package__}.{LIBRARIES[source]}")


def _check_options(name: str, options: Mapping[str, Any], known: list[str]) -> None:
    for option in options:
        if option not in known:
            raise ModelError(
                f"{name} has no option {option!r}{closest(option, known)} "
                f"(known: {', '.join(known) or 'none'})"
            )


def _fits(make: Callable[[int], BuiltModel], channels: int, image_size: int) -> bool:
    """Return whether what `make` builds for `image_size` takes such images."""
    try:
        built = make(image_size)
    except BUILD_ERRORS:
        return False
    # Auxiliary heads, which training alone uses, need a larger map than the rest.
    return accepts(built.network, (channels, image_size, image_size), training=built.aux_weight > 0)
