"""The head is the layer that computes the logits; the backbone can be frozen."""

import copy

import pytest
import torch

from cnncompare.models.pretrained.finetune import (
    freeze_backbone,
    freeze_norm_statistics,
    head_parameters,
)
from cnncompare.models.registry import build

HEADS = [
    ("torchvision", "resnet18", {"fc.weight", "fc.bias"}),
    ("torchvision", "vgg11", {"classifier.6.weight", "classifier.6.bias"}),
    ("torchvision", "squeezenet1_1", {"classifier.1.weight", "classifier.1.bias"}),
    ("timm", "resnet10t", {"fc.weight", "fc.bias"}),
    ("own", "lenet5", {"classifier.5.weight", "classifier.5.bias"}),
]


@pytest.mark.parametrize(("source", "name", "head"), HEADS)
def test_the_head_is_the_layer_of_the_logits(source: str, name: str, head: set[str]) -> None:
    built = build(name, source=source, classes=10, image_shape=(3, 32, 32))
    assert head_parameters(built.network, (3, 32, 32)) == head


def test_auxiliary_heads_are_heads() -> None:
    built = build("googlenet", source="torchvision", classes=10, image_shape=(3, 32, 32))
    head = head_parameters(built.network, (3, 32, 32))
    assert {name.split(".")[0] for name in head} == {"fc", "aux1", "aux2"}


def test_training_a_frozen_network_changes_its_head_alone() -> None:
    network = build("resnet20", source="own", classes=4, image_shape=(3, 32, 32)).network
    head = head_parameters(network, (3, 32, 32))
    freeze_backbone(network, head)
    before = copy.deepcopy(network.state_dict())
    network.train()
    freeze_norm_statistics(network)
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.1)
    network(torch.randn(8, 3, 32, 32)).square().sum().backward()
    optimizer.step()
    after = network.state_dict()
    assert {name for name in after if not torch.equal(after[name], before[name])} == head
