"""Registration of networks with their descriptions; imports no torch."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnncompare.extensions.kinds import MODELS

if TYPE_CHECKING:  # a user's module imports torch itself
    from torch import nn

    Builder = Callable[..., nn.Module]

SMALL_IMAGE_LIMIT = 64  # pixels; five halvings reduce it to 2x2


@dataclass(frozen=True)
class RegisteredModel:
    """A network registered by this project or by a user's module."""

    name: str
    family: str
    year: int
    paper: str
    input_size: tuple[int, int, int]  # (channels, height, width) of the paper
    small_image_changes: tuple[str, ...]
    build: "Builder"

    @property
    def small(self) -> bool:
        """Whether the paper's network is for small images, so that its stem needs no changes."""
        return self.input_size[1] <= SMALL_IMAGE_LIMIT


REGISTERED: dict[str, RegisteredModel] = {}


def register_model(
    name: str,
    *,
    family: str,
    year: int,
    paper: str,
    input_size: tuple[int, int, int],
    small_image_changes: tuple[str, ...] = (),
) -> "Callable[[Builder], Builder]":
    """Return a decorator that registers a builder as `name`; raises ModelError on a duplicate.

    The builder is called as ``builder(classes=, in_channels=, image_size=, stem=, **options)`` and
    raises ValueError for an image size that the network does not accept. `stem` is "imagenet" (as
    published) or "cifar" (for small images); `small_image_changes` lists the changes that "cifar"
    makes. `input_size` is (channels, height, width) in the paper.
    """

    def decorate(builder: "Builder") -> "Builder":
        MODELS.add(name, builder, sys._getframe(1))
        REGISTERED[name] = RegisteredModel(
            name, family, year, paper, input_size, small_image_changes, builder
        )
        return builder

    return decorate
