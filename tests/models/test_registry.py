"""Ten networks by name: parameters, MACs, two training steps, and rejected requests."""

import copy
from typing import Any

import pytest
import torch
import torch.nn.functional as F
import torchvision.models as zoo
from torch import Tensor, nn

from cnncompare.errors import ModelError
from cnncompare.models.registry import build, count_macs, count_params, register, size_mb

TORCHVISION = [
    "resnet18",
    "resnet50",
    "vgg16",
    "alexnet",
    "inception_v3",
    "googlenet",
    "mobilenet_v2",
    "densenet121",
]
TEN = [*(("torchvision", name) for name in TORCHVISION), ("own", "lenet5"), ("own", "resnet20")]


def loss_of(outputs: Tensor | tuple[Tensor, ...], labels: Tensor, aux_weight: float) -> Tensor:
    """Return the loss of the papers: that of the logits plus a weighted loss per auxiliary head."""
    if isinstance(outputs, Tensor):
        return F.cross_entropy(outputs, labels)
    logits, *heads = outputs
    return F.cross_entropy(logits, labels) + aux_weight * sum(
        F.cross_entropy(head, labels) for head in heads
    )


@pytest.mark.parametrize(("source", "name"), TEN)
def test_two_steps_at_32_pixels_reach_every_parameter(source: str, name: str) -> None:
    torch.manual_seed(0)
    built = build(name, source=source, classes=10, image_shape=(3, 32, 32))
    images, labels = torch.randn(4, 3, 32, 32), torch.tensor([0, 3, 7, 9])
    optimizer = torch.optim.SGD(built.network.parameters(), lr=1e-3)
    losses = []
    for _ in range(2):
        optimizer.zero_grad()
        loss = loss_of(built.network(images), labels, built.aux_weight)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert built.stem == "cifar"
    assert torch.isfinite(torch.tensor(losses)).all()
    assert all(parameter.grad is not None for parameter in built.network.parameters())


@pytest.mark.parametrize(("source", "name"), TEN)
def test_forward_at_the_native_size_with_the_published_stem(source: str, name: str) -> None:
    size = {"inception_v3": 299, "lenet5": 32, "resnet20": 32}.get(name, 224)
    built = build(name, source=source, classes=10, image_shape=(3, size, size), stem="imagenet")
    with torch.no_grad():
        logits = built.network.eval()(torch.randn(1, 3, size, size))
    assert (built.stem, built.changes) == ("imagenet", ())
    assert logits.shape == (1, 10)
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize("name", TORCHVISION)
def test_parameters_and_operations_equal_torchvision_s(name: str) -> None:
    meta = zoo.get_model_weights(name).IMAGENET1K_V1.meta
    size = 299 if name == "inception_v3" else 224
    # torchvision counts GoogLeNet without its auxiliary heads and Inception v3 with them.
    options = {"aux_logits": False} if name == "googlenet" else {}
    built = build(
        name,
        source="torchvision",
        classes=1000,
        image_shape=(3, size, size),
        stem="imagenet",
        options=options,
    )
    assert count_params(built.network) == meta["num_params"]
    gmacs = count_macs(built.network, (3, size, size)) / 1e9
    assert gmacs == pytest.approx(meta["_ops"], rel=0.01)


def test_auxiliary_heads_have_the_papers_weights() -> None:
    def aux_weight(name: str, **options: bool) -> float:
        shape = (3, 32, 32)
        return build(
            name, source="torchvision", classes=10, image_shape=shape, options=options
        ).aux_weight

    assert aux_weight("googlenet") == 0.3
    assert aux_weight("googlenet", aux_logits=False) == 0.0
    assert aux_weight("inception_v3") == 0.4
    assert aux_weight("resnet18") == 0.0


def test_lenet5_has_the_61706_parameters_of_the_literature() -> None:
    network = build("lenet5", source="own", classes=10, image_shape=(1, 32, 32)).network
    assert count_params(network) == 61_706
    # By hand, with biases left out: 6x25 at 28x28, 16x6x25 at 10x10, and the linear layers.
    macs = 150 * 28**2 + 2400 * 10**2 + 400 * 120 + 120 * 84 + 84 * 10
    assert count_macs(network, (1, 32, 32)) == macs
    assert size_mb(network) == pytest.approx(61_706 * 4 / 1e6)


@pytest.mark.parametrize(
    ("name", "millions"),
    [("resnet20", 0.27), ("resnet32", 0.46), ("resnet44", 0.66), ("resnet56", 0.85)],
)
def test_cifar_resnets_have_the_parameters_of_table_6(name: str, millions: float) -> None:
    network = build(name, source="own", classes=10, image_shape=(3, 32, 32)).network
    assert count_params(network) / 1e6 == pytest.approx(millions, abs=0.008)


def test_counting_leaves_buffers_and_modes_alone() -> None:
    network = build("resnet20", source="own", classes=10, image_shape=(3, 32, 32)).network
    network.stage2.eval()
    before = copy.deepcopy(network.state_dict())
    modes = [module.training for module in network.modules()]
    count_macs(network, (3, 32, 32))
    assert [module.training for module in network.modules()] == modes
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


@pytest.mark.parametrize(("size", "stem"), [(32, "cifar"), (64, "cifar"), (65, "imagenet")])
def test_auto_chooses_the_stem_by_the_image_size(size: int, stem: str) -> None:
    built = build("mobilenet_v2", source="torchvision", classes=5, image_shape=(3, size, size))
    assert built.stem == stem
    assert bool(built.changes) == (stem == "cifar")


def test_the_same_seed_gives_the_same_network() -> None:
    def state() -> dict[str, Tensor]:
        torch.manual_seed(3)
        built = build("resnet18", source="torchvision", classes=10, image_shape=(1, 32, 32))
        return built.network.state_dict()

    first, second = state(), state()
    assert all(torch.equal(first[key], second[key]) for key in first)


def refused(name: str, source: str = "torchvision", size: int = 32, **more: Any) -> str:
    with pytest.raises(ModelError) as caught:
        build(name, source=source, classes=10, image_shape=(3, size, size), **more)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_an_unknown_name_is_answered_with_the_closest() -> None:
    assert "did you mean 'vgg16'" in refused("vgg166")
    assert "did you mean 'lenet5'" in refused("lenet", "own")
    assert "did you mean 'resnetv2_50'" in refused("resnetv2_5", "timm")
    assert "model.source=own has it" in refused("lenet5")
    assert "known: own, torchvision, timm" in refused("vgg16", "keras")


def test_an_image_that_is_too_small_is_refused_with_the_smallest() -> None:
    assert refused("alexnet", stem="imagenet") == (
        "alexnet with stem=imagenet accepts images of 63 pixels or more, got 32: "
        "use model.stem=cifar or data.image_size=224"
    )
    # The auxiliary head's 5x5 needs the published 299; torchvision's min_size 75 is without it.
    assert "299 pixels or more, got 96" in refused("inception_v3", size=96)
    without_head: dict[str, Any] = {"stem": "imagenet", "options": {"aux_logits": False}}
    assert "75 pixels or more, got 64" in refused("inception_v3", size=64, **without_head)
    assert "16 pixels or more, got 12: use data.image_size=32" in refused("lenet5", "own", 12)


def test_options_reach_the_builder_and_wrong_ones_are_refused() -> None:
    built = build(
        "alexnet",
        source="torchvision",
        classes=10,
        image_shape=(3, 32, 32),
        options={"dropout": 0.25},
    )
    assert built.network.classifier[0].p == 0.25
    assert "no option 'dropuot'; did you mean 'dropout'" in refused(
        "alexnet", options={"dropuot": 0.5}
    )
    assert "known: none" in refused("resnet20", "own", options={"width": 2})
    assert "cannot be built with options {'dropout': 'much'}" in refused(
        "alexnet", options={"dropout": "much"}
    )


def test_a_name_is_registered_once() -> None:
    def builder(*, classes: int, in_channels: int, image_size: int, stem: str) -> nn.Module:
        return nn.Flatten()

    about: dict[str, Any] = {
        "family": "none",
        "year": 2024,
        "paper": "none",
        "input_size": (3, 32, 32),
    }
    with pytest.raises(ModelError, match="'resnet20' is registered twice"):
        register("resnet20", **about)(builder)
