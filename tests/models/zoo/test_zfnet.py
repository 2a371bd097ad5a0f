"""ZFNet: its counts, the maps of figure 3, and its initialisation."""

import pytest
import torch
from torch import nn

from cnncompare.models.complexity import count_macs, count_params
from cnncompare.models.zoo.zfnet import ContrastNorm, zfnet

DENSE = [(4096, 4096), (1000, 4096)]


def published(wide: bool = False) -> nn.Module:
    return zfnet(classes=1000, in_channels=3, image_size=224, stem="imagenet", wide=wide)


def convs(three: int, four: int, five: int) -> list[tuple[int, int, int, int]]:
    """Maps, inputs, kernel and output size of each convolution of figure 3."""
    return [
        (96, 3, 7, 110),
        (256, 96, 5, 26),
        (three, 256, 3, 13),
        (four, three, 3, 13),
        (five, four, 3, 13),
    ]


@pytest.mark.parametrize(
    ("wide", "widths", "total"),
    [(False, (384, 384, 256), 62_357_608), (True, (512, 1024, 512), 107_627_624)],
)
def test_parameters_and_macs_are_those_of_figure_3(
    wide: bool, widths: tuple[int, int, int], total: int
) -> None:
    dense = [(4096, 36 * widths[-1]), *DENSE]
    params = sum(m * i * k * k + m for m, i, k, _ in convs(*widths)) + sum(
        o * i + o for o, i in dense
    )
    macs = sum(m * i * k * k * s * s for m, i, k, s in convs(*widths)) + sum(
        o * i for o, i in dense
    )
    network = published(wide)
    assert count_params(network) == params == total
    assert count_macs(network, (3, 224, 224)) == macs


def test_maps_are_those_of_figure_3() -> None:
    sizes = []
    x = torch.randn(1, 3, 224, 224)
    for layer in published().features:
        x = layer(x)
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d):
            sizes.append(x.shape[2])
    assert sizes == [110, 55, 26, 13, 13, 13, 13, 6]


def test_first_layers_have_stride_two_and_dropout_is_half() -> None:
    network = published()
    first, second = [m for m in network.modules() if isinstance(m, nn.Conv2d)][:2]
    assert (first.kernel_size, first.stride) == ((7, 7), (2, 2))
    assert (second.kernel_size, second.stride) == ((5, 5), (2, 2))
    assert [m.p for m in network.modules() if isinstance(m, nn.Dropout)] == [0.5, 0.5]


def test_contrast_normalisation_of_one_pixel_by_hand() -> None:
    x = torch.tensor([100.0, 200.0, 300.0, 400.0]).reshape(1, 4, 1, 1)
    squares = [1e4 + 4e4 + 9e4, 30e4, 30e4, 29e4]  # of the maps at most 2 away
    by_hand = [
        v / (2 + 1e-4 * s) ** 0.75 for v, s in zip(x.flatten().tolist(), squares, strict=True)
    ]
    assert ContrastNorm()(x).flatten().tolist() == pytest.approx(by_hand)


def test_initialisation_is_that_of_section_3() -> None:
    for layer in published().modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            assert layer.weight.std().item() == pytest.approx(0.01, rel=0.02)
            assert not layer.bias.any()


def test_small_form_ends_in_4x4_maps() -> None:
    network = zfnet(classes=10, in_channels=3, image_size=32, stem="cifar")
    assert network.features[:-2](torch.randn(1, 3, 32, 32)).shape == (1, 256, 4, 4)
