"""QuickNet: its counts by hand, and what it takes over from Page's network."""

import pytest
import torch
from torch import nn

from cnncompare.models.complexity import count_macs, count_params
from cnncompare.models.zoo.quicknet import LOGIT_SCALE, QuickNet, quicknet


def by_hand(width: int) -> tuple[int, int]:
    """Parameters and multiply-accumulates for ten classes at 32x32."""
    params = macs = 0
    convs = [  # maps in and out in units of width, rows and columns that the convolution makes
        *((3 / width, 1, 16), (1, 2, 16), (2, 2, 8), (2, 2, 8)),
        *((2, 4, 8), (4, 4, 4), (4, 4, 4)),
    ]
    for inputs, outputs, size in convs:
        weights = round(9 * inputs * width * outputs * width)
        params += weights + 2 * outputs * width  # of the batch norm
        macs += weights * size * size
    return params + 40 * width + 10, macs + 40 * width


@pytest.mark.parametrize("width", [16, 32])
def test_counts_are_those_by_hand(width: int) -> None:
    network = quicknet(classes=10, in_channels=3, image_size=32, stem="cifar", width=width)
    assert (count_params(network), count_macs(network, (3, 32, 32))) == by_hand(width)


def test_logits_are_scaled_and_pools_stand_before_norms() -> None:
    network = quicknet(classes=4, in_channels=1, image_size=8, stem="auto").eval()
    assert isinstance(network, QuickNet)
    images = torch.randn(2, 1, 8, 8)
    assert torch.equal(network(images), network.fc(network.features(images)) * LOGIT_SCALE)
    kinds = [type(layer) for layer in network.features if isinstance(layer, nn.Sequential)]
    assert len(kinds) == 3
    pooled = network.features[1]
    assert isinstance(pooled, nn.Sequential)
    assert [type(layer) for layer in pooled] == [nn.Conv2d, nn.MaxPool2d, nn.BatchNorm2d, nn.ReLU]
