"""Dead filters and feature maps against planted filters and direct computation."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncompare.explain.activations import feature_maps, find_dead_filters, first_filters


class Branching(nn.Module):
    """Two convolutions with functional and in-place ReLU, batch norm, and one without."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.second = nn.Conv2d(4, 4, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.last = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        x = F.relu(self.norm(self.first(images)))
        return F.relu(x + self.last(self.relu(self.second(x))))


def planted() -> Branching:
    torch.manual_seed(0)
    network = Branching().eval()
    with torch.no_grad():
        network.second.weight[1] = 0.0
        network.second.bias[1] = -1.0
        network.norm.weight[2] = 0.0
        network.norm.bias[2] = -0.5
        network.second.weight[3] = 0.0
        network.second.bias[3] = 0.25
    return network


def test_planted_dead_filters_are_found_and_no_others() -> None:
    batches = [torch.randn(5, 1, 8, 8) for _ in range(3)]
    found = {layer.layer: layer for layer in find_dead_filters(planted(), batches)}
    assert found["first"].dead == [2]
    assert found["second"].dead == [1, 3]  # a constant response is dead, also above zero
    assert found["second"].filters == 4
    assert "last" not in found  # it is added before the activation


def test_a_filter_that_responds_in_one_batch_only_is_alive() -> None:
    network = planted()
    with torch.no_grad():
        network.first.weight[0] = 1.0
        network.first.bias[0] = 0.0
    dark, light = -torch.ones(2, 1, 8, 8), torch.rand(2, 1, 8, 8)
    (first, _) = find_dead_filters(network, [dark])
    assert 0 in first.dead
    (first, _) = find_dead_filters(network, [dark, light])
    assert 0 not in first.dead


def test_feature_maps_are_the_activated_outputs() -> None:
    network, image = planted(), torch.randn(1, 1, 8, 8)
    maps = feature_maps(network, image)
    with torch.no_grad():
        first = F.relu(network.norm(network.first(image)))
        second = F.relu(network.second(first))
    assert torch.equal(maps["first"], first[0])
    assert torch.equal(maps["second"], second[0])


def test_first_filters_are_those_of_the_first_convolution() -> None:
    network = planted()
    found = first_filters(network)
    assert found is not None
    assert found[0] == "first"
    assert torch.equal(found[1], network.first.weight)
    assert first_filters(nn.Linear(2, 2)) is None
