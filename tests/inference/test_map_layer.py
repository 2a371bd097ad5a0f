"""The layer of the class activation maps: the last one with positions that everything passes."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnncompare.inference.map_layer import MapLayer, find_map_layer
from tests.models.test_contract import built, networks

# the architectures' own names of their last feature maps, with 32 pixels
KNOWN = {
    "lenet5": MapLayer("features", 5, 5),
    "squeezenet1_1": MapLayer("classifier.2", 4, 4),  # the paper's map of each class
    "resnet18": MapLayer("layer4", 4, 4),
    "resnet20": MapLayer("stage3", 8, 8),
    "vgg16": MapLayer("features.29", 2, 2),  # not the 7x7 copies of one pixel behind it
    "googlenet": MapLayer("inception5b", 4, 4),
    "densenet121": MapLayer("features", 4, 4),
    "inception_v3": MapLayer("Mixed_7c", 7, 7),
    "fractalnet": MapLayer("blocks.3", 2, 2),  # no single column of the last block
}


@pytest.mark.parametrize("name", networks("lenet5 squeezenet1_1 resnet20"))
def test_every_network_has_a_layer_that_everything_passes(name: str) -> None:
    network = built(name, classes=5, channels=3).network
    images = torch.randn(4, 3, 32, 32)
    _measure_statistics(network, images)
    layer = find_map_layer(network, images[:1])
    assert layer is not None
    assert layer.height * layer.width > 1
    assert layer == KNOWN.get(name, layer)

    sizes: list[Any] = []

    def erase(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        sizes.append(tuple(output.shape[2:]))
        return torch.zeros_like(output)

    with torch.no_grad():
        first, second = network(images)[:2]
        assert not torch.allclose(first, second)
        network.get_submodule(layer.name).register_forward_hook(erase)
        first, second = network(images)[:2]
    torch.testing.assert_close(first, second)  # without the layer, the images are alike
    assert sizes[-1] == (layer.height, layer.width)


def _measure_statistics(network: nn.Module, images: Tensor) -> None:
    """Set those of batch normalisation, without which signals vanish in deep networks."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the mean of all batches
    with torch.no_grad():
        network.train()(images)
    network.eval()


class Branches(nn.Module):
    """Two branches that a function joins, and an activation that is used again after pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3)
        self.left, self.right = nn.Conv2d(4, 4, 3), nn.Conv2d(4, 4, 3)
        self.act = nn.ReLU()
        self.head = nn.Linear(8, 3)

    def forward(self, images: Tensor) -> Tensor:
        x = self.act(self.stem(images))
        joined = torch.cat([self.left(x), self.right(x)], dim=1)
        scores: Tensor = self.head(self.act(joined.mean((2, 3))))
        return scores


class Aside(nn.Module):
    """A network whose last layer with positions is not used for the scores."""

    def __init__(self) -> None:
        super().__init__()
        self.features, self.unused = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3)
        self.head = nn.Linear(4, 3)

    def forward(self, images: Tensor) -> Tensor:
        x = self.features(images)
        self.unused(x)
        scores: Tensor = self.head(F.relu(x, inplace=True).mean((2, 3)))
        return scores


class DenseHead(nn.Module):
    """A network whose classifier sees two layers, so that nothing passes one layer alone."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 4, 3), nn.Conv2d(1, 4, 3)
        self.head = nn.Linear(8, 3)

    def forward(self, images: Tensor) -> Tensor:
        pooled = [layer(images).mean((2, 3)) for layer in (self.first, self.second)]
        scores: Tensor = self.head(torch.cat(pooled, dim=1))
        return scores


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        (Branches(), "stem"),
        (Aside(), "features"),
        (DenseHead(), "second"),
        (nn.Sequential(nn.Flatten(), nn.Linear(144, 3)), None),
        (nn.Sequential(nn.Conv2d(1, 4, 12), nn.Flatten(), nn.Linear(4, 3)), None),
    ],
    ids=["branches", "aside", "dense-head", "perceptron", "one-position"],
)
def test_other_networks(network: nn.Module, expected: str | None) -> None:
    found = find_map_layer(network.eval(), torch.randn(1, 1, 12, 12))
    assert (found and found.name) == expected


def test_weights_without_gradients_are_no_obstacle() -> None:
    network = Branches().requires_grad_(False).eval()
    with torch.no_grad():
        assert find_map_layer(network, torch.randn(1, 1, 12, 12)) == MapLayer("stem", 10, 10)
    assert not network._forward_hooks
    assert not network.stem._forward_hooks
