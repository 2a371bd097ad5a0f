"""The trained network of a run: its filters, feature maps and dead filters."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cnncompare.config.compose import compose_config
from cnncompare.data.module import ImageData
from cnncompare.data.normalize import normalize_pixels, pixel_moments
from cnncompare.explain.activations import (
    DeadFilters,
    feature_maps,
    find_dead_filters,
    first_filters,
)
from cnncompare.explain.explanation import Explanation
from cnncompare.explain.subject import Subject
from cnncompare.inference.network import load_network
from cnncompare.inference.preprocess import Preprocessing
from cnncompare.inference.saved_settings import SavedSettings, saved_settings
from cnncompare.runs.run import Run
from cnncompare.training.build import build_data, find_pretrained_reference

MOST_LAYERS = 5  # whose feature maps are shown


@dataclass(frozen=True)
class TrainedNetwork:
    """What a run's network learned.

    `dead` holds each convolution with an activation, None for a run without a validation split of
    `n_val` images. `maps` are the activated outputs [C, H, W] for `image`, uint8 [C, H, W].
    """

    run: Run
    explanation: Explanation
    filters: tuple[str, Tensor] | None
    image: Tensor | None
    image_name: str
    maps: dict[str, Tensor]
    dead: list[DeadFilters] | None
    n_val: int | None


def read_trained(subject: Subject, run: Run, image_file: str | None) -> TrainedNetwork:
    """Return filters, feature maps and dead filters of a finished run.

    The feature maps are those of the image file, else of the first validation image. Raises
    DataError for a run whose weights or data cannot be read, or for an unreadable image.
    """
    settings = saved_settings(run)
    image = None if image_file is None else Preprocessing(settings)(image_file)
    network = load_network(run, settings)
    built = settings.built
    channels, height, width = built.input_size
    explanation = Explanation(
        subject, built.stem, (channels, height, width), settings.images.classes, (), network
    )
    n_val, dead = settings.images.n_val, None
    if n_val:
        data = _validation_data(run)
        dead = find_dead_filters(network, (images for images, *_ in data.val_dataloader()))
        if image is None:
            image = _first_pixels(data, settings)
    name = image_file or "the first validation image"
    maps = {} if image is None else feature_maps(network, _normalised(image, settings))
    filters = first_filters(network)
    return TrainedNetwork(run, explanation, filters, image, name, _chosen(maps), dead, n_val)


def dead_share(layers: list[DeadFilters]) -> float:
    """Return the share of dead filters in [0, 1]."""
    return sum(len(layer.dead) for layer in layers) / max(1, sum(layer.filters for layer in layers))


def trained_json(trained: TrainedNetwork) -> dict[str, Any]:
    """Return the keys that ``explain --of RUN --json`` adds."""
    first, dead = trained.filters, trained.dead
    return {
        "run": trained.run.record.id,
        "first_layer": first and {"name": first[0], "shape": list(first[1].shape)},
        "n_val": trained.n_val,
        "dead_filters_share": None if dead is None else dead_share(dead),
        "dead_filters": dead
        and [{"name": layer.layer, "filters": layer.filters, "dead": layer.dead} for layer in dead],
    }


def _validation_data(run: Run) -> ImageData:
    config = compose_config([], Path(run.folder))
    data = build_data(config, find_pretrained_reference(config))
    data.prepare()
    return data


def _first_pixels(data: ImageData, settings: SavedSettings) -> Tensor:
    """Return the first validation image, uint8 [C, H, W], from its normalised form."""
    images = next(iter(data.val_dataloader()))[0]
    mean, sd = pixel_moments(data.mean, data.std, images.device)
    return (images[0] * sd + mean).round().clamp(0, 255).to(torch.uint8)


def _normalised(pixels: Tensor, settings: SavedSettings) -> Tensor:
    moments = pixel_moments(settings.protocol.mean, settings.protocol.std, pixels.device)
    return normalize_pixels(pixels[None], *moments)


def _chosen(maps: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the first layer and the last of each map size, at most MOST_LAYERS."""
    last = {tuple(output.shape[1:]): name for name, output in maps.items()}
    names = dict.fromkeys([*list(maps)[:1], *last.values()])
    return {name: maps[name] for name in list(names)[:MOST_LAYERS]}
