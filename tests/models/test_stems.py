"""The forms for small images equal those of the literature and end in 4x4 maps or more."""

import pytest
import torch

from cnncompare.errors import ModelError
from cnncompare.models.registry import build, count_macs, count_params
from cnncompare.models.stems import resize_conv, trace_layers

RULE = [
    ("torchvision", "resnet18"),
    ("torchvision", "densenet121"),
    ("torchvision", "googlenet"),
    ("torchvision", "mobilenet_v2"),
    ("torchvision", "squeezenet1_1"),
    ("torchvision", "shufflenet_v2_x1_0"),
    ("torchvision", "mnasnet0_5"),
    ("torchvision", "regnet_y_400mf"),
    ("torchvision", "convnext_tiny"),
    ("torchvision", "inception_v3"),
    ("torchvision", "alexnet"),
    ("timm", "resnet10t"),
    ("timm", "legacy_xception"),
]
INCEPTION = [("timm", "inception_v4"), ("timm", "inception_resnet_v2"), ("timm", "nasnetalarge")]


@pytest.mark.parametrize(
    ("source", "name"), [*RULE, *(pytest.param(*row, marks=pytest.mark.slow) for row in INCEPTION)]
)
def test_the_last_map_of_a_32_pixel_image_is_4_pixels_or_more(source: str, name: str) -> None:
    built = build(name, source=source, classes=10, image_shape=(3, 32, 32))
    convolutions = [
        layer
        for layer in trace_layers(built.network, 3, 32)
        if isinstance(layer.module, torch.nn.Conv2d)
        and layer.input_shape[2] > 1  # no squeeze-excite
    ]
    assert convolutions[-1].output_shape[2] >= 4
    assert built.changes


def test_resnet18_is_the_one_of_the_cifar_literature() -> None:
    built = build("resnet18", source="torchvision", classes=10, image_shape=(3, 32, 32))
    assert built.changes == ("conv1 7x7/2 -> 3x3/1", "maxpool removed")
    assert count_params(built.network) == 11_173_962  # kuangliu/pytorch-cifar
    assert count_macs(built.network, (3, 32, 32)) / 1e9 == pytest.approx(0.56, abs=0.01)


def test_mobilenet_v2_is_the_one_of_the_cifar_literature() -> None:
    # kuangliu/pytorch-cifar: stride 1 in the first convolution and in the stage of 24 channels.
    built = build("mobilenet_v2", source="torchvision", classes=10, image_shape=(3, 32, 32))
    assert built.changes == (
        "features.0.0 3x3/2 -> 3x3/1",
        "features.2.conv.1.0 3x3/2 -> 3x3/1",
    )


def test_vgg16_has_the_heads_of_the_cifar_literature() -> None:
    built = build("vgg16", source="torchvision", classes=10, image_shape=(3, 32, 32))
    # 13 convolutions of 14,714,688 (Simonyan and Zisserman, D), then 512-512-10.
    assert count_params(built.network) == 14_714_688 + 2 * (512 * 512 + 512) + 512 * 10 + 10


def test_the_published_stem_stays_on_request() -> None:
    built = build(
        "resnet18", source="torchvision", classes=10, image_shape=(3, 32, 32), stem="imagenet"
    )
    assert built.changes == ()
    assert built.network.get_submodule("conv1").kernel_size == (7, 7)


def test_another_number_of_channels_is_recorded() -> None:
    built = build("vgg11", source="torchvision", classes=10, image_shape=(1, 32, 32))
    assert built.changes[-1] == "1 input channel instead of 3"
    assert build("lenet5", source="own", classes=10, image_shape=(3, 32, 32)).changes == ()


def test_a_resized_convolution_keeps_the_variance_of_its_output() -> None:
    torch.manual_seed(0)
    published = torch.nn.Conv2d(3, 256, 7, bias=False)
    torch.nn.init.kaiming_normal_(published.weight)
    small = resize_conv(published, 1, 3)
    assert small.weight.shape == (256, 1, 3, 3)
    # By hand: sd sqrt(2 / fan_in), with a fan of 9 instead of 147.
    assert small.weight.std().item() == pytest.approx((2 / 9) ** 0.5, rel=0.05)


def test_a_network_without_a_small_form_is_refused_with_a_remedy() -> None:
    with pytest.raises(ModelError) as caught:
        build("vit_b_32", source="torchvision", classes=10, image_shape=(3, 32, 32))
    assert str(caught.value) == (
        "vit_b_32 has no known form for small images: use model.stem=imagenet with "
        "data.image_size=224"
    )
