"""AlexNet of 2012: its counts, its maps, its normalisation and its initialisation."""

import pytest
import torch
from torch import Tensor, nn

from cnncompare.models.complexity import count_macs, count_params
from cnncompare.models.zoo.alexnet2012 import TowerNorm, alexnet2012

CONVS = [  # maps, inputs (per group, with two groups), kernel, output size: section 3.5
    (96, 3, 11, 55),
    (256, 48, 5, 27),
    (384, 256, 3, 13),
    (384, 192, 3, 13),
    (256, 192, 3, 13),
]
DENSE = [(4096, 6 * 6 * 256), (4096, 4096), (1000, 4096)]


def published(groups: int = 2) -> nn.Module:
    return alexnet2012(classes=1000, in_channels=3, image_size=227, stem="imagenet", groups=groups)


def test_parameters_are_those_of_section_3_5() -> None:
    by_hand = sum(m * i * k * k + m for m, i, k, _ in CONVS) + sum(o * i + o for o, i in DENSE)
    assert count_params(published()) == by_hand == 60_965_224


def test_one_tower_has_the_textbooks_parameters() -> None:
    assert count_params(published(groups=1)) == 62_378_344


def test_multiply_accumulates_are_those_of_section_3_5() -> None:
    by_hand = sum(m * i * k * k * s * s for m, i, k, s in CONVS) + sum(o * i for o, i in DENSE)
    assert count_macs(published(), (3, 227, 227)) == by_hand


def test_maps_are_those_of_figure_2() -> None:
    sizes = []
    x = torch.randn(1, 3, 227, 227)
    for layer in published().features:
        x = layer(x)
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d):
            sizes.append((x.shape[1], x.shape[2]))
    assert sizes == [
        (96, 55), (96, 27), (256, 27), (256, 13), (384, 13), (384, 13), (256, 13), (256, 6),
    ]  # fmt: skip


def lrn_by_hand(x: Tensor) -> Tensor:
    """Section 3.3, written out: n = 5, k = 2, alpha = 1e-4, beta = 0.75."""
    out = torch.empty_like(x)
    maps = x.shape[1]
    for i in range(maps):
        near = x[:, max(0, i - 2) : min(maps - 1, i + 2) + 1]
        out[:, i] = x[:, i] / (2 + 1e-4 * (near**2).sum(1)) ** 0.75
    return out


@pytest.mark.parametrize("towers", [1, 2])
def test_normalisation_is_the_formula_within_each_tower(towers: int) -> None:
    x = 300 * torch.randn(2, 12, 3, 3)  # large: the sum of squares must matter beside k = 2
    by_hand = torch.cat([lrn_by_hand(tower) for tower in x.chunk(towers, 1)], 1)
    torch.testing.assert_close(TowerNorm(towers)(x), by_hand)


def test_pooling_overlaps_and_dropout_is_half() -> None:
    network = published()
    pools = [m for m in network.modules() if isinstance(m, nn.MaxPool2d)]
    drops = [m.p for m in network.modules() if isinstance(m, nn.Dropout)]
    assert [(pool.kernel_size, pool.stride) for pool in pools] == [(3, 2)] * 3
    assert drops == [0.5, 0.5]


def test_initialisation_is_that_of_section_5() -> None:
    torch.manual_seed(0)
    layers = [m for m in published().modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert [layer.bias.unique().item() for layer in layers] == [0, 1, 0, 1, 1, 1, 1, 0]
    for layer in layers:
        assert layer.weight.std().item() == pytest.approx(0.01, rel=0.02)
        assert layer.weight.mean().item() == pytest.approx(0, abs=2e-4)


def test_small_form_ends_in_4x4_maps_and_one_dense_layer() -> None:
    network = alexnet2012(classes=10, in_channels=3, image_size=32, stem="cifar")
    assert network.features[:-2](torch.randn(1, 3, 32, 32)).shape == (1, 256, 4, 4)
    assert [m.in_features for m in network.modules() if isinstance(m, nn.Linear)] == [4096]
