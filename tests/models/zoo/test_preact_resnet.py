"""Pre-activation ResNets: counts against the paper and timm, maps, and where activation stands."""

from collections.abc import Callable

import pytest
import timm
import torch
import torch.nn.functional as F
from torch import nn

from cnncompare.models.complexity import count_params
from cnncompare.models.zoo.preact_resnet import (
    PreActResNet,
    PreActUnit,
    basic_convs,
    bottleneck_convs,
    preact_resnet18,
    preact_resnet110,
    preact_resnet164,
)


def cifar(builder: Callable[..., nn.Module]) -> PreActResNet:
    network = builder(classes=10, in_channels=3, image_size=32, stem="cifar")
    assert isinstance(network, PreActResNet)
    return network


def test_resnet18_has_timms_parameters_with_the_published_stem() -> None:
    ours = preact_resnet18(classes=1000, in_channels=3, image_size=224, stem="imagenet")
    assert count_params(ours) == count_params(timm.create_model("resnetv2_18"))


def test_resnet110_has_the_papers_1_7_million_parameters() -> None:
    stages = [(16, 16), (16, 32), (32, 64)]
    convs = sum(9 * (i * w + 35 * w * w) for i, w in stages) + 27 * 16
    projections = 16 * 32 + 32 * 64
    norms = sum(2 * (i + 35 * w) for i, w in stages) + 2 * 64
    params = count_params(cifar(preact_resnet110))
    assert params == convs + projections + norms + 650
    assert round(params / 1e6, 1) == 1.7


def test_resnet164_has_the_papers_1_7_million_parameters() -> None:
    params = count_params(cifar(preact_resnet164))
    assert params == 1_703_258  # also what the package pytorchcv counts for preresnet164bn
    assert round(params / 1e6, 1) == 1.7


@pytest.mark.parametrize(
    ("builder", "layers", "maps"),
    [(preact_resnet18, 18, (512, 4)), (preact_resnet110, 110, (64, 8)),
     (preact_resnet164, 164, (256, 8))],
)  # fmt: skip
def test_depth_and_last_maps(
    builder: Callable[..., nn.Module], layers: int, maps: tuple[int, int]
) -> None:
    network = cifar(builder).eval()
    convs = [n for n, m in network.named_modules() if isinstance(m, nn.Conv2d)]
    assert len([n for n in convs if "projection" not in n]) + 1 == layers  # and the dense layer
    last = network.units(network.front(torch.randn(1, 3, 32, 32)))
    assert last.shape[1:3] == maps


@pytest.mark.parametrize(("convs", "maps"), [(basic_convs, 8), (bottleneck_convs, 32)])
@pytest.mark.parametrize("first", [False, True])
def test_shortcut_is_raw_except_in_the_first_unit(
    convs: Callable[..., list[nn.Conv2d]], maps: int, first: bool
) -> None:
    unit = PreActUnit(convs(maps, 8, 1), 1, activates_shortcut=first).eval()
    nn.init.zeros_(unit.residual[-1].get_parameter("weight"))
    x = torch.randn(2, maps, 4, 4)
    torch.testing.assert_close(unit(x), F.relu(unit.bn1(x)) if first else x)


def test_projection_starts_from_the_activated_input() -> None:
    unit = PreActUnit(basic_convs(8, 16, 2), 2, activates_shortcut=False).eval()
    nn.init.zeros_(unit.residual[-1].get_parameter("weight"))
    x = torch.randn(2, 8, 4, 4)
    assert unit.projection is not None
    torch.testing.assert_close(unit(x), unit.projection(F.relu(unit.bn1(x))))
