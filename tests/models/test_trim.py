"""Trimmed convolutions have the outputs, gradients and MACs of nn.Conv2d."""

import copy

import pytest
import torch
import torchvision.models as zoo
from torch import nn

from cnncompare.models.complexity import count_macs
from cnncompare.models.trim import TrimmedConv2d, trim_kernels


def both(conv: nn.Conv2d, size: tuple[int, int]) -> list[list[torch.Tensor]]:
    """Return output and gradients (weight, bias, images) of a convolution, plain and trimmed."""
    trimmed = copy.deepcopy(conv)
    trim_kernels(trimmed)
    assert type(trimmed) is TrimmedConv2d
    results = []
    for module in (conv, trimmed):
        generator = torch.Generator().manual_seed(0)
        images = torch.randn(5, 4, *size, generator=generator, requires_grad=True)
        outputs = module(images)
        outputs.square().sum().backward()
        results.append([outputs, images.grad, *(p.grad for p in module.parameters())])
    return results


CASES = [
    (kernel, stride, padding, size)
    for kernel in ((1, 1), (3, 3), (5, 5), (3, 5))
    for stride in (1, 2)
    for padding in (0, 1, 2)
    for size in ((1, 1), (2, 2), (3, 3), (4, 4), (1, 2))
    if all(side + 2 * padding >= taps for side, taps in zip(size, kernel, strict=True))
]


@pytest.mark.parametrize(("kernel", "stride", "padding", "size"), CASES)
def test_outputs_and_gradients_are_the_convolutions(
    kernel: tuple[int, int], stride: int, padding: int, size: tuple[int, int]
) -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(4, 6, kernel, stride=stride, padding=padding)
    for plain, trimmed in zip(*both(conv, size), strict=True):
        assert plain.shape == trimmed.shape
        assert torch.allclose(plain, trimmed, atol=1e-5)


def test_taps_that_meet_padding_alone_have_no_gradient_and_cost_nothing() -> None:
    _, (_, _, weight, _) = both(nn.Conv2d(4, 6, 3, padding=1), (1, 1))
    outer = torch.ones(3, 3, dtype=torch.bool)
    outer[1, 1] = False
    assert (weight[:, :, outer] == 0).all()
    assert (weight[:, :, 1, 1] != 0).all()


@pytest.mark.parametrize(
    "conv",
    [
        nn.Conv2d(4, 4, 3, padding=1, groups=4),
        nn.Conv2d(4, 4, 3, padding=2, dilation=2),
        nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"),
        nn.Conv2d(4, 4, 3, padding="same"),
    ],
)
def test_other_convolutions_stay_as_they_are(conv: nn.Conv2d) -> None:
    trim_kernels(conv)
    assert type(conv) is nn.Conv2d


def test_resnet18_on_small_images_keeps_its_logits_state_and_macs() -> None:
    torch.manual_seed(0)
    network = zoo.resnet18(num_classes=10).eval()
    trimmed = copy.deepcopy(network)
    trim_kernels(trimmed)
    images = torch.randn(4, 3, 32, 32)
    assert torch.allclose(network(images), trimmed(images), atol=1e-5)
    assert list(network.state_dict()) == list(trimmed.state_dict())
    assert count_macs(trimmed, (3, 32, 32)) == count_macs(network, (3, 32, 32))
