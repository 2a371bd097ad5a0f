"""The options of builders: what they change, how they are recorded, and invalid values."""

import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cnncompare.errors import ModelError
from cnncompare.models.complexity import count_macs, count_params
from cnncompare.models.registry import BuiltModel, build

TORCHVISION = ("vgg", "googlenet")


def built(name: str, size: int = 32, **options: Any) -> BuiltModel:
    source = "torchvision" if name.startswith(TORCHVISION) else "own"
    if name == "googlenet":
        options = {"init_weights": False, **options}  # its initialisation takes seconds
    with torch.device("meta"):
        return build(name, source=source, classes=10, image_shape=(3, size, size), options=options)


def count(network: nn.Module, kind: type[nn.Module]) -> int:
    return sum(isinstance(module, kind) for module in network.modules())


RECORDED = [
    ("alexnet2012", {"activation": "tanh"}, "activation relu -> tanh"),
    ("alexnet2012", {"lrn": False}, "lrn true -> false"),
    ("alexnet2012", {"overlap": False}, "overlap true -> false"),
    ("alexnet2012", {"head": "gap"}, "head dense -> gap"),
    ("alexnet2012", {"dropout": 0.0}, "dropout 0.5 -> 0.0"),
    ("alexnet2012", {"width": 0.25}, "width 1.0 -> 0.25"),
    ("zfnet", {"activation": "tanh"}, "activation relu -> tanh"),
    ("zfnet", {"lrn": False}, "lrn true -> false"),
    ("lenet5", {"activation": "relu"}, "activation tanh -> relu"),
    ("vgg11", {"head": "gap"}, "head dense -> gap"),
    ("vgg11_bn", {"dropout": 0.0}, "dropout 0.5 -> 0.0"),
    ("vgg13", {"kernel": 5, "width": 0.25}, "kernel 3 -> 5"),
    ("googlenet", {"aux": False, "width": 0.25}, "aux true -> false"),
    ("googlenet", {"reduction": False, "width": 0.25}, "reduction true -> false"),
    ("wrn_40_2", {"depth": 16, "widening": 4}, "depth 40 -> 16"),
    ("preact_resnet110", {"depth": 20}, "depth 110 -> 20"),
    ("resnet110_sd", {"depth": 20}, "depth 110 -> 20"),
    ("quicknet", {"zeroed": 0.5}, "zeroed 0.0 -> 0.5"),
]


@pytest.mark.parametrize(("name", "options", "change"), RECORDED)
def test_an_option_is_recorded_as_a_change(name: str, options: dict[str, Any], change: str) -> None:
    assert change in built(name, **options).changes


def test_the_default_written_out_is_no_change() -> None:
    assert built("alexnet2012", lrn=True).changes == built("alexnet2012").changes
    assert built("googlenet", aux=True).changes == built("googlenet").changes


INVALID = [
    ("alexnet2012", {"activation": "relo"}, "activation=relo: expected relu or tanh"),
    ("alexnet2012", {"lrn": "no"}, "lrn=no: expected true or false"),
    ("alexnet2012", {"overlap": 1}, "overlap=1: expected true or false"),
    ("alexnet2012", {"head": "none"}, "head=none: expected dense or gap"),
    ("alexnet2012", {"dropout": 1.5}, "dropout probability"),
    ("alexnet2012", {"width": 0.01}, "96 channels times the width"),
    ("zfnet", {"conv1": "11x11/4"}, "needs model.stem=imagenet"),
    ("vgg11", {"kernel": 5}, "an odd number"),
    ("vgg11", {"head": "mean"}, "head=mean: expected dense or gap"),
    ("googlenet", {"aux": "no"}, "aux=no: expected true or false"),
    ("resnet110_sd", {"depth": 21}, "depth=21: expected 6n + 2, such as 20"),
    ("wrn_40_2", {"depth": 41}, "expected 6n + 4"),
    ("quicknet", {"zeroed": 1.0}, "expected a share from 0 to below 1"),
    ("alexnet2012", {"activaton": "tanh"}, "did you mean 'activation'"),
    ("vgg11", {"hed": "gap"}, "did you mean 'head'"),
]


@pytest.mark.parametrize(("name", "options", "message"), INVALID)
def test_an_invalid_value_is_refused_in_one_line(
    name: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelError, match=re.escape(message)) as raised:
        built(name, **options)
    assert "\n" not in str(raised.value)


def test_activation_and_normalisation_are_replaced_everywhere() -> None:
    tanh = built("alexnet2012", activation="tanh", lrn=False).network
    assert count(tanh, nn.Tanh) == 5
    assert count(tanh, nn.ReLU) == 0
    assert not any("Norm" in type(module).__name__ for module in tanh.modules())


def test_pooling_without_overlap_gives_maps_of_the_same_size() -> None:
    for size in (32, 227):
        plain, apart = (built("alexnet2012", size, overlap=o).network for o in (True, False))
        assert count_macs(plain, (3, size, size)) == count_macs(apart, (3, size, size))
        kernels = {m.kernel_size for m in apart.modules() if isinstance(m, nn.MaxPool2d)}
        assert kernels == {2}


def test_plain_networks_are_the_residual_ones_without_the_addition() -> None:
    torch.manual_seed(0)
    plain, residual = (
        build(name, source="own", classes=10, image_shape=(3, 16, 16)).network.eval()
        for name in ("plain20", "resnet20")
    )
    plain.load_state_dict(residual.state_dict())  # the same parameters: the shortcuts have none
    assert count_params(plain) == pytest.approx(0.27e6, rel=0.01)  # table 6
    images = torch.randn(2, 3, 16, 16)
    assert not torch.allclose(plain(images), residual(images))
    x = torch.randn(2, 16, 4, 4)
    assert torch.equal(plain.stage1[0](x), plain_block_by_hand(residual.stage1[0], x))


def plain_block_by_hand(block: Any, x: Tensor) -> Tensor:
    inner = block.bn1(block.conv1(x)).clamp(min=0)
    out: Tensor = block.bn2(block.conv2(inner)).clamp(min=0)
    return out


def test_parameters_of_the_deeper_variants_are_the_papers() -> None:
    millions = {
        "plain56": 0.85,  # He et al. 2015, table 6
        "resnet56": 0.85,
    }
    for name, published in millions.items():
        assert count_params(built(name).network) / 1e6 == pytest.approx(published, abs=0.005)
    sixteen_eight = built("wrn_40_2", depth=16, widening=8).network
    assert count_params(sixteen_eight) / 1e6 == pytest.approx(11.0, abs=0.05)  # WRN, table 4
    forty_one = built("wrn_40_2", widening=1).network
    assert count_params(forty_one) / 1e6 == pytest.approx(0.6, abs=0.05)
    assert count_params(built("preact_resnet110", depth=20).network) == pytest.approx(
        0.27e6, rel=0.02
    )


def test_two_3x3_have_fewer_parameters_than_one_5x5() -> None:
    pairs, single = (built("vgg13", kernel=kernel).network for kernel in (3, 5))
    assert count(pairs, nn.Conv2d) == 10
    assert count(single, nn.Conv2d) == 5
    by_hand = [(3, 64), (64, 128), (128, 256), (256, 512), (512, 512)]
    weights = sum(25 * i * o + o for i, o in by_hand)
    assert count_params(single.get_submodule("features")) == weights


def test_vgg_with_global_pooling_has_one_linear_layer_at_any_size() -> None:
    for size in (32, 224):
        network = built("vgg11_bn", size, head="gap").network
        assert [m.in_features for m in network.modules() if isinstance(m, nn.Linear)] == [512]


def test_googlenet_keeps_its_channels_without_reductions_and_needs_more_macs() -> None:
    reduced, naive = (built("googlenet", reduction=r, width=0.25) for r in (True, False))
    assert count(reduced.network, nn.Conv2d) - count(naive.network, nn.Conv2d) == 2 * 9
    macs = [count_macs(m.network, (3, 32, 32)) for m in (reduced, naive)]
    assert macs[1] > 2 * macs[0]
    assert naive.aux_weight == 0.3
    assert built("googlenet", aux=False, width=0.25).aux_weight == 0.0


def test_googlenet_of_half_the_width_counts_a_quarter() -> None:
    whole, half = (built("googlenet", width=width, aux=False).network for width in (1.0, 0.5))
    ratio = _params_of_4a(whole) / _params_of_4a(half)
    assert ratio == pytest.approx(4, rel=0.02)  # batch norm scales linearly
    of_stem, of_head = 3 * 64 * (49 - 9), 1025 * 990  # 3x3 instead of 7x7; 10 of 1,000 classes
    assert count_params(whole) == 6_624_904 - of_stem - of_head  # torchvision's weights.meta


def test_variants_train_and_give_gradients() -> None:
    torch.manual_seed(0)
    for name, options in (
        ("vgg13", {"kernel": 5, "width": 0.125}),
        ("googlenet", {"reduction": False, "width": 0.125, "init_weights": False}),
        ("alexnet2012", {"head": "gap", "activation": "tanh", "width": 0.125}),
    ):
        source = "torchvision" if name.startswith(TORCHVISION) else "own"
        network = build(
            name, source=source, classes=3, image_shape=(1, 32, 32), options=options
        ).network.train()
        outputs = network(torch.randn(4, 1, 32, 32))
        heads = [outputs] if isinstance(outputs, Tensor) else list(outputs)
        torch.stack([head.square().sum() for head in heads]).sum().backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_zeroed_filters_stay_zero_in_training() -> None:
    torch.manual_seed(0)
    network = build(
        "quicknet",
        source="own",
        classes=3,
        image_shape=(1, 16, 16),
        options={"zeroed": 0.5, "width": 4},
    ).network.train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        network(torch.randn(8, 1, 16, 16)).square().sum().backward()
        optimizer.step()
    convs = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    for conv in convs:
        half = conv.out_channels // 2
        assert not conv.weight[:half].any()
        assert conv.weight[half:].any()


def test_zfnet_s_first_layer_of_alexnet_gives_maps_for_the_same_head() -> None:
    torch.manual_seed(0)
    for conv1, params in (("7x7/2", 49), ("11x11/4", 121)):
        network = build(
            "zfnet",
            source="own",
            classes=3,
            image_shape=(1, 64, 64),
            stem="imagenet",
            options={"conv1": conv1, "width": 0.125},
        ).network
        assert network(torch.randn(2, 1, 64, 64)).shape == (2, 3)
        assert network.features[0].weight.numel() == 12 * params


def _params_of_4a(network: nn.Module) -> int:
    return count_params(network.get_submodule("inception4a"))
