"""Wide ResNets: the paper's counts, widths and dropout."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from cnncompare.models.complexity import count_macs, count_params
from cnncompare.models.zoo.preact_resnet import PreActResNet
from cnncompare.models.zoo.wide_resnet import wrn_28_10, wrn_40_2


def by_hand(blocks: int, k: int) -> tuple[int, int]:
    """Parameters and multiply-accumulates of table 1, for ten classes at 32x32."""
    params, macs, inputs = 27 * 16, 27 * 16 * 32 * 32, 16
    for width, size in ((16 * k, 32), (32 * k, 16), (64 * k, 8)):
        weights = 9 * (inputs * width + (2 * blocks - 1) * width * width) + inputs * width
        params += weights + 2 * (inputs + (2 * blocks - 1) * width)
        macs += weights * size * size
        inputs = width
    return params + 2 * inputs + inputs * 10 + 10, macs + inputs * 10


@pytest.mark.parametrize(
    ("builder", "blocks", "k", "millions"), [(wrn_28_10, 4, 10, 36.5), (wrn_40_2, 6, 2, 2.2)]
)
def test_parameters_are_the_papers(
    builder: Callable[..., nn.Module], blocks: int, k: int, millions: float
) -> None:
    network = builder(classes=10, in_channels=3, image_size=32, stem="cifar")
    assert (count_params(network), count_macs(network, (3, 32, 32))) == by_hand(blocks, k)
    assert round(count_params(network) / 1e6, 1) == millions  # table 4 of the paper


def test_dropout_stands_between_the_convolutions_of_each_block() -> None:
    network = wrn_40_2(classes=10, in_channels=3, image_size=32, stem="cifar", dropout=0.3)
    assert isinstance(network, PreActResNet)
    for unit in network.units:
        kinds = [type(layer) for layer in unit.residual]
        assert kinds == [nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.Dropout, nn.Conv2d]
        assert unit.residual[3].p == 0.3


def test_last_maps_are_8x8() -> None:
    network = wrn_40_2(classes=10, in_channels=3, image_size=32, stem="imagenet").eval()
    assert isinstance(network, PreActResNet)
    assert network.units(network.front(torch.randn(1, 3, 32, 32))).shape == (1, 128, 8, 8)
