"""ResNeXt-29, 8x64d: the paper's count, widths and maps."""

import torch
from torch import nn

from cnncompare.models.complexity import count_params
from cnncompare.models.zoo.resnext_cifar import CifarResNeXt, resnext29_8x64d


def network() -> CifarResNeXt:
    built = resnext29_8x64d(classes=10, in_channels=3, image_size=32, stem="cifar")
    assert isinstance(built, CifarResNeXt)
    return built


def test_parameters_are_the_papers_34_4_million() -> None:
    params, inputs = 27 * 64 + 2 * 64, 64
    for width, out in ((512, 256), (1024, 512), (2048, 1024)):
        for _ in range(3):
            params += inputs * width + 9 * width * width // 8 + width * out
            params += 2 * (width + width + out)
            params += inputs * out + 2 * out if inputs != out else 0  # the projection
            inputs = out
    params += 1024 * 10 + 10
    assert count_params(network()) == params
    assert round(params / 1e6, 1) == 34.4  # table 7 of the paper


def test_each_3x3_convolution_has_8_groups_of_64_128_and_256_maps() -> None:
    grouped = [m for m in network().modules() if isinstance(m, nn.Conv2d) and m.groups > 1]
    assert [(m.groups, m.out_channels // m.groups) for m in grouped] == [
        *[(8, 64)] * 3,
        *[(8, 128)] * 3,
        *[(8, 256)] * 3,
    ]


def test_depth_is_29_and_maps_halve_twice() -> None:
    built = network().eval()
    convs = [n for n, m in built.named_modules() if isinstance(m, nn.Conv2d)]
    assert len([n for n in convs if "downsample" not in n]) + 1 == 29
    x, sizes = built.conv1(torch.randn(1, 3, 32, 32)), []
    for stage in (built.stage1, built.stage2, built.stage3):
        x = stage(x)
        sizes.append(tuple(x.shape[1:]))
    assert sizes == [(256, 32, 32), (512, 16, 16), (1024, 8, 8)]
