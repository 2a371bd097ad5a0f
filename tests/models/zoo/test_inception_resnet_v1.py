"""Inception-ResNet-v1: parameters from the paper's figures, and the sizes they print."""

import pytest
import torch
from torch import nn

from cnncompare.models.complexity import count_params
from cnncompare.models.zoo.inception_resnet_v1 import InceptionResidual, inception_resnet_v1


def conv(inputs: int, maps: int, area: int) -> int:
    """Parameters of a convolution and its batch norm."""
    return inputs * maps * area + 2 * maps


# Read off the figures, independently of the code.
STEM = conv(3, 32, 9) + conv(32, 32, 9) + conv(32, 64, 9) + conv(64, 80, 1)
STEM += conv(80, 192, 9) + conv(192, 256, 9)
A = 3 * conv(256, 32, 1) + 3 * conv(32, 32, 9) + 96 * 256 + 256
REDUCTION_A = conv(256, 384, 9) + conv(256, 192, 1) + conv(192, 192, 9) + conv(192, 256, 9)
B = 2 * conv(896, 128, 1) + 2 * conv(128, 128, 7) + 256 * 896 + 896
REDUCTION_B = 3 * conv(896, 256, 1) + conv(256, 384, 9) + 3 * conv(256, 256, 9)
C = 2 * conv(1792, 192, 1) + 2 * conv(192, 192, 3) + 384 * 1792 + 1792


def published() -> nn.Module:
    return inception_resnet_v1(classes=1000, in_channels=3, image_size=299, stem="imagenet")


def test_parameters_are_those_of_the_figures() -> None:
    by_hand = STEM + 5 * A + REDUCTION_A + 10 * B + REDUCTION_B + 5 * C + 1792 * 1000 + 1000
    assert count_params(published()) == by_hand == 22_756_328


def test_maps_are_those_of_figure_15() -> None:
    network, x, shapes = published().eval(), torch.randn(1, 3, 299, 299), []
    with torch.no_grad():
        for layer in network.features:
            x = layer(x)
            shapes.append(tuple(x.shape[1:]))
    a, b, c = (256, 35, 35), (896, 17, 17), (1792, 8, 8)
    assert shapes == [a] * 6 + [b] * 11 + [c] * 6


def test_small_form_ends_in_4x4_maps() -> None:
    network = inception_resnet_v1(classes=10, in_channels=3, image_size=32, stem="cifar").eval()
    assert network.features(torch.randn(1, 3, 32, 32)).shape == (1, 1792, 4, 4)


def test_a_residual_is_scaled_added_and_rectified() -> None:
    module = published().eval().features[1]
    assert isinstance(module, InceptionResidual)
    assert module.linear.bias is not None
    nn.init.zeros_(module.linear.weight)
    nn.init.constant_(module.linear.bias, 2.0)
    x = torch.randn(1, 256, 4, 4)
    torch.testing.assert_close(module(x), torch.relu(x + 0.17 * 2.0))


def test_scales_lie_in_the_range_of_section_3_3_and_dropout_keeps_0_8() -> None:
    network = published()
    scales = [m.scale for m in network.modules() if isinstance(m, InceptionResidual)]
    assert len(scales) == 20
    assert all(0.1 <= scale <= 0.3 for scale in scales)
    assert network.dropout.p == pytest.approx(1 - 0.8)
