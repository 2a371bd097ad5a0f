"""DenseNet-BC (L = 100, k = 12): the paper's count, depth and maps."""

import torch
from torch import nn

from cnncompare.models.complexity import count_params
from cnncompare.models.zoo.densenet_cifar import densenet_bc_100_12


def network(dropout: float = 0.0) -> nn.Module:
    return densenet_bc_100_12(
        classes=10, in_channels=3, image_size=32, stem="cifar", dropout=dropout
    )


def test_parameters_are_the_papers_0_8_million() -> None:
    params, maps = 27 * 24, 24
    for block in range(3):
        for _ in range(16):
            params += 2 * maps + maps * 48 + 2 * 48 + 9 * 48 * 12
            maps += 12
        if block < 2:
            params += 2 * maps + maps * (maps // 2)
            maps //= 2
    params += 2 * maps + maps * 10 + 10
    assert count_params(network()) == params == 769_162
    assert round(params / 1e6, 1) == 0.8  # table 2 of the paper


def test_depth_is_100_and_the_first_layer_is_the_papers() -> None:
    built = network()
    convs = [m for m in built.modules() if isinstance(m, nn.Conv2d)]
    assert len(convs) + 1 == 100
    assert (convs[0].kernel_size, convs[0].stride, convs[0].out_channels) == ((3, 3), (1, 1), 24)
    assert [n for n, _ in built.features.named_children()][:2] == ["conv0", "denseblock1"]


def test_maps_are_32_16_and_8_pixels() -> None:
    x, sizes = torch.randn(1, 3, 32, 32), []
    for name, layer in network().eval().features.named_children():
        x = layer(x)
        if name.startswith("denseblock"):
            sizes.append(tuple(x.shape[1:]))
    assert sizes == [(216, 32, 32), (300, 16, 16), (342, 8, 8)]


def test_dropout_follows_each_dense_layer_in_training_only() -> None:
    torch.manual_seed(0)
    built, images = network(dropout=0.2), torch.randn(2, 3, 8, 8)
    assert {m.drop_rate for m in built.modules() if hasattr(m, "drop_rate")} == {0.2}
    assert (built.train()(images) != built(images)).any()
    assert (built.eval()(images) == built(images)).all()
