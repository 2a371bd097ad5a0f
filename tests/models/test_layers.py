"""Layer tables equal the counts of parameters and MACs, hand calculations and the papers."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncompare.models.catalog.table import read_table
from cnncompare.models.complexity import count_macs, count_params
from cnncompare.models.layers import IN_TRAINING, Layer, LayerTable, layer_table
from cnncompare.models.on_meta import build_on_meta, table_options
from cnncompare.models.operations import IMAGE
from cnncompare.models.registry import build

ROWS = {row["name"]: row for row in read_table()}
QUICK = ("lenet5", "alexnet", "resnet20", "googlenet", "mobilenet_v2", "densenet_bc_100_12")
Shape = tuple[int, int, int]


def network_of(name: str, size: int | None = None) -> tuple[nn.Module, Shape]:
    """Return the published network, or that for small images, and its input shape."""
    row = ROWS[name]
    channels, native, _ = row["input_size"]
    stem, side = ("imagenet", native) if size is None else ("cifar", size)
    shape = (channels, side, side)
    classes = 10 if side <= 64 else 1000
    options = table_options(name, stem)
    return build_on_meta(name, row["source"], classes, shape, stem, options).network, shape


def table_of(name: str, size: int | None = None) -> LayerTable:
    return layer_table(*network_of(name, size))


def check_published(name: str) -> None:
    table = table_of(name)
    assert table.params == ROWS[name]["params"]
    assert round(table.macs / 1e9, 6) == ROWS[name]["gmacs"]
    assert table.depth == ROWS[name]["depth"]


def check_small(name: str) -> None:
    network, shape = network_of(name, 32)
    table = layer_table(network, shape)
    assert table.params == count_params(network)
    assert table.macs == count_macs(network, shape)


@pytest.mark.parametrize("name", QUICK)
def test_sums_equal_the_table_of_networks(name: str) -> None:
    check_published(name)


@pytest.mark.parametrize("name", QUICK)
def test_sums_of_the_form_for_small_images_equal_its_counts(name: str) -> None:
    check_small(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(ROWS))
def test_sums_of_every_network_equal_the_table(name: str) -> None:
    check_published(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n, row in ROWS.items() if row["gmacs_32"] is not None])
def test_sums_of_every_form_for_small_images_equal_its_counts(name: str) -> None:
    check_small(name)


def test_lenet5_is_that_of_the_paper() -> None:
    """Compare with a calculation by hand, on 1x32x32."""
    rows = [
        (layer.kind, layer.output, layer.params, layer.macs) for layer in table_of("lenet5").layers
    ]
    assert rows == [
        ("conv", (6, 28, 28), 6 * (25 + 1), 6 * 28 * 28 * 25),
        ("average pool", (6, 14, 14), 0, 0),
        ("conv", (16, 10, 10), 16 * (6 * 25 + 1), 16 * 10 * 10 * 6 * 25),
        ("average pool", (16, 5, 5), 0, 0),
        ("linear", (120,), 120 * (16 * 25 + 1), 120 * 16 * 25),  # 48,120 as C5 in the paper
        ("linear", (84,), 84 * (120 + 1), 84 * 120),  # 10,164 as F6 in the paper
        ("linear", (10,), 10 * (84 + 1), 10 * 84),
    ]
    assert table_of("lenet5").params == 61_706


def test_alexnet2012_has_the_neurons_of_section_3_5() -> None:
    outputs = [layer.output for layer in table_of("alexnet2012").layers if layer.params]
    neurons = [torch.Size(output).numel() for output in outputs if output is not None]
    assert neurons[1:] == [186_624, 64_896, 64_896, 43_264, 4096, 4096, 1000]
    assert outputs[0] == (96, 55, 55)


def test_vgg16_is_configuration_d_of_the_paper() -> None:
    layers = [layer for layer in table_of("vgg16").layers if layer.params]
    widths = [64] * 2 + [128] * 2 + [256] * 3 + [512] * 6
    assert [layer.output[0] for layer in layers if layer.output] == [*widths, 4096, 4096, 1000]
    assert sum(layer.params for layer in layers) / 1e6 == pytest.approx(138, abs=0.5)  # table 2
    assert layers[13].params == 25_088 * 4096 + 4096


def test_a_depth_is_the_number_in_the_name_or_paper() -> None:
    known = {"vgg19": 19, "resnet18": 18, "resnet152": 152, "resnet110": 110, "densenet201": 201}
    papers = {"lenet5": 5, "alexnet": 8, "zfnet": 8, "googlenet": 22, "resnext29_8x64d": 29}
    for name, depth in {**known, **papers, "preact_resnet164": 164}.items():
        assert ROWS[name]["depth"] == depth, name


def by_name(table: LayerTable) -> dict[str, Layer]:
    return {layer.name: layer for layer in table.layers}


def test_receptive_fields_equal_published_values() -> None:
    """Compare with Araujo et al. 2019, Distill, table 1, and with a calculation by hand."""
    alexnet, vgg = by_name(table_of("alexnet")), by_name(table_of("vgg16"))
    convs = [alexnet[f"features.{i}"].field for i in (0, 3, 6, 8, 10, 12)]
    assert convs == [(side, side) for side in (11, 51, 99, 131, 163, 195)]
    assert vgg["features.30"].field == (212, 212)
    assert by_name(table_of("lenet5"))["features.5"].field == (16, 16)


class Windows(nn.Module):
    """Strides, padding, pooling, dilation and two branches."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 2, 5, stride=2, padding=2)
        self.wide = nn.Conv2d(2, 2, 3, padding=2, dilation=2)
        self.narrow = nn.Conv2d(2, 2, (1, 3), padding=(0, 1))

    def forward(self, images: Tensor) -> Tensor:
        x = F.max_pool2d(self.first(images), 3, 2, 1)
        return torch.cat([self.wide(x), self.narrow(x)], 1) + 1


def test_a_receptive_field_is_the_reach_of_the_gradient() -> None:
    network = Windows()
    for parameter in network.parameters():
        nn.init.ones_(parameter)
    images = torch.rand(1, 1, 99, 99, requires_grad=True)
    table = by_name(layer_table(network, (1, 99, 99)))
    for name, channel in (("wide", 0), ("narrow", 2)):
        # Max pooling passes the gradient of one pixel only; many images show its whole reach.
        reached = torch.zeros(99, 99, dtype=torch.bool)
        for _ in range(60):
            images = torch.rand(1, 1, 99, 99, requires_grad=True)
            (gradient,) = torch.autograd.grad(network(images)[0, channel, 12, 12], images)
            reached |= gradient[0, 0] != 0
        rows, columns = reached.any(1).nonzero(), reached.any(0).nonzero()
        extent = (int(rows.max() - rows.min()) + 1, int(columns.max() - columns.min()) + 1)
        assert table[name].field == extent


def test_functional_pooling_is_a_layer_and_a_concatenation_an_operation() -> None:
    table = layer_table(Windows(), (1, 99, 99))
    assert [layer.kind for layer in table.layers] == ["conv", "max pool", "conv", "conv"]
    numbers = {operation.kind: operation for operation in table.operations}
    assert numbers["concat"].inputs == (2, 3)
    assert table.operations[0].inputs == (IMAGE,)
    assert table.depth == 2


class Shared(nn.Module):
    """A layer that is applied twice, and a parameter of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.scale = nn.Parameter(torch.ones(3, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        scaled: Tensor = self.conv(self.conv(images)) * self.scale
        return scaled


def test_parameters_are_counted_once_and_those_outside_layers_too() -> None:
    table = layer_table(Shared(), (3, 8, 8))
    assert [(layer.kind, layer.params) for layer in table.layers] == [
        ("conv", 84),
        ("conv", 0),
        ("scale", 3),
    ]
    assert table.params == count_params(Shared())
    assert table.macs == count_macs(Shared(), (3, 8, 8))
    assert table.depth == 2


def test_auxiliary_heads_are_only_in_training() -> None:
    table = table_of("inception_v3")
    aux = [layer for layer in table.layers if layer.kind == IN_TRAINING]
    assert {layer.name.split(".")[0] for layer in aux} == {"AuxLogits"}
    assert all(layer.macs == 0 and layer.output is None for layer in aux)
    assert sum(layer.params for layer in aux) > 1_000_000


def test_squeeze_and_excitation_leaves_the_receptive_field_of_the_maps() -> None:
    fields = [
        layer.field for layer in table_of("mobilenet_v3_small").layers if layer.kind == "norm"
    ]
    assert None not in fields


def test_a_network_with_weights_is_unchanged() -> None:
    built: Any = build("quicknet", source="own", classes=10, image_shape=(3, 32, 32)).network
    built.train()
    before = {name: value.clone() for name, value in built.state_dict().items()}
    layer_table(built, (3, 32, 32))
    assert built.training
    assert all(torch.equal(before[name], value) for name, value in built.state_dict().items())
    assert not any(module._forward_hooks for module in built.modules())
