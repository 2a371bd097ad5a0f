"""The contract of every network implemented in this project."""

import pytest
import torch
import torch.nn.functional as F

from cnncompare.models.registry import registered_model

FAMILIES = [
    "alexnet2012",
    "zfnet",
    "fractalnet",
    "inception_resnet_v1",
    "preact_resnet18",
    "preact_resnet110",
    "preact_resnet164",
    "resnet110_sd",
    "wrn_28_10",
    "wrn_40_2",
    "resnext29_8x64d",
    "densenet_bc_100_12",
    "quicknet",
    "plain20",
]


SIZE = 16  # pixels: a quarter of the work of 32, and every small form takes them


def network(name: str, classes: int, in_channels: int) -> torch.nn.Module:
    return registered_model(name).build(
        classes=classes, in_channels=in_channels, image_size=SIZE, stem="cifar"
    )


@pytest.mark.parametrize("name", FAMILIES)
def test_gradient_reaches_every_parameter_on_one_channel(name: str) -> None:
    torch.manual_seed(0)
    built = network(name, 2, in_channels=1).train()
    F.cross_entropy(built(torch.randn(4, 1, SIZE, SIZE)), torch.tensor([0, 1, 1, 0])).backward()
    gradients = [p.grad for p in built.parameters() if p.grad is not None]
    assert len(gradients) == len(list(built.parameters()))
    some = sum(bool(gradient.any()) for gradient in gradients)
    # Stochastic depth drops a quarter of its blocks; their gradients are 0.
    assert some >= (0.5 if name == "resnet110_sd" else 0.99) * len(gradients)


@pytest.mark.parametrize("name", FAMILIES)
def test_evaluation_is_deterministic_and_survives_a_state_dict(name: str) -> None:
    built, other = network(name, 37, 3).eval(), network(name, 37, 3).eval()
    images = torch.randn(2, 3, SIZE, SIZE)
    other.load_state_dict(built.state_dict())
    with torch.no_grad():
        logits = built(images)
        assert logits.shape == (2, 37)
        assert torch.isfinite(logits).all()
        assert (built(images) == logits).all()
        assert (other(images) == logits).all()
