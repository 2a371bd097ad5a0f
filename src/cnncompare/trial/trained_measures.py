"""Measures of a trained network: accuracy on its training images, and dead filters."""

from functools import cache
from pathlib import Path

import torch

from cnncompare.config.compose import compose_config
from cnncompare.data.module import ImageData
from cnncompare.explain.activations import find_dead_filters
from cnncompare.inference.network import load_network
from cnncompare.inference.saved_settings import saved_settings
from cnncompare.runs.run import Run
from cnncompare.training.build import build_data, find_pretrained_reference


@cache  # a comparison reads each value several times
def training_accuracy(folder: Path) -> float:
    """Return the share of the training images that the tested network of a run classifies right.

    The network is in eval mode, without dropout; images are augmented as the run's training images.
    """
    run = Run.read(folder)
    network, data = load_network(run, saved_settings(run)), _data(run)
    correct = total = 0
    with torch.no_grad():
        for images, labels, *_ in data.train_dataloader():
            correct += int((network(images).argmax(1) == labels).sum())
            total += len(labels)
    return correct / total


@cache
def dead_share_of_first_layer(folder: Path) -> float | None:
    """Return the share of filters of the first convolution that no validation image changes."""
    run = Run.read(folder)
    network, data = load_network(run, saved_settings(run)), _data(run)
    layers = find_dead_filters(network, (images for images, *_ in data.val_dataloader()))
    return len(layers[0].dead) / layers[0].filters if layers else None


def _data(run: Run) -> ImageData:
    config = compose_config([], Path(run.folder))
    data = build_data(config, find_pretrained_reference(config))
    data.prepare()
    return data
