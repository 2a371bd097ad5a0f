"""Class activation maps against closed forms, and against patches at known positions."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cnncompare.inference.class_maps import class_maps
from cnncompare.inference.map_layer import find_map_layer

SIDE, PATCH = 32, 8


def quarter_shares(heat: Tensor, quarters: Tensor) -> Tensor:
    """Return the share of each map's mass in the quarter of that number, row by row."""
    half = heat.shape[-1] // 2
    mass = heat.unfold(1, half, half).unfold(2, half, half).sum((3, 4)).flatten(1)
    return mass.gather(1, quarters[:, None])[:, 0] / mass.sum(1)


def patched_images(patterns: Tensor, n: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return noise [n, 1, 32, 32] with one of the patterns, its number, and its quarter."""
    draw = torch.Generator().manual_seed(0)
    images = 0.2 * torch.randn(n, 1, SIDE, SIDE, generator=draw)
    kinds = torch.randint(len(patterns), (n,), generator=draw)
    quarters = torch.randint(4, (n,), generator=draw)
    for image, kind, quarter in zip(images, kinds, quarters.tolist(), strict=True):
        y, x = torch.randint(1, SIDE // 2 - PATCH, (2,), generator=draw).tolist()
        y, x = y + quarter // 2 * SIDE // 2, x + quarter % 2 * SIDE // 2
        image[0, y : y + PATCH, x : x + PATCH] = patterns[kind]
    return images, kinds, quarters


def pattern_network(patterns: Tensor, *, dense: bool) -> nn.Sequential:
    """Return a network that classifies by the patterns, with weights set by hand."""
    detect = nn.Conv2d(1, len(patterns), PATCH, padding=PATCH // 2)
    pool = nn.MaxPool2d(4)
    positions = 64 if dense else 1
    head = nn.Linear(len(patterns) * positions, len(patterns))
    with torch.no_grad():
        detect.weight.copy_(patterns[:, None])
        detect.bias.fill_(-PATCH * PATCH / 2)  # half of a perfect match
        head.weight.copy_(torch.eye(len(patterns)).repeat_interleave(positions, dim=1))
        head.bias.zero_()
    pooled = [] if dense else [nn.AdaptiveAvgPool2d(1)]
    return nn.Sequential(detect, nn.ReLU(), pool, *pooled, nn.Flatten(), head).eval()


def stripes() -> Tensor:
    rows = torch.tensor([1.0, 1.0, -1.0, -1.0]).repeat(2)[:, None].expand(PATCH, PATCH)
    return torch.stack([rows, rows.T, rows * rows.T])


@pytest.mark.parametrize("dense", [False, True], ids=["pooled", "dense"])
def test_the_map_lies_on_the_patch_that_decides_the_class(dense: bool) -> None:
    network = pattern_network(stripes(), dense=dense)
    images, kinds, quarters = patched_images(stripes(), 60)
    layer = find_map_layer(network, images[:1])
    assert layer is not None
    predicted = network(images).argmax(1)
    assert torch.equal(predicted, kinds)
    heat = class_maps(network, layer.name, images, predicted)
    assert heat.shape == (60, SIDE, SIDE)
    assert quarter_shares(heat, quarters).min() > 0.6
    wrong = quarter_shares(heat, (quarters + 1) % 4)
    assert wrong.max() < 0.4


def test_a_map_of_average_pooling_has_a_closed_form() -> None:
    """With global average pooling, the map is that of Zhou et al. 2016 where weights are > 0."""
    network = nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    head = nn.Linear(3, 2)
    images = torch.randn(4, 1, 6, 6)
    features = network[:2](images).detach().numpy()
    with torch.no_grad():
        head.weight.copy_(torch.tensor([[1.0, 0.5, -2.0], [-1.0, 0.0, 2.0]]))
    full = nn.Sequential(*network, head).eval()
    for number, weights in ((0, [1.0, 0.5, 0.0]), (1, [0.0, 0.0, 2.0])):
        heat = class_maps(full, "1", images, torch.full((4,), number)).numpy()
        expected = np.einsum("c,nchw->nhw", weights, features)
        low, high = expected.min((1, 2), keepdims=True), expected.max((1, 2), keepdims=True)
        np.testing.assert_allclose(heat, (expected - low) / (high - low), atol=1e-5)


def test_layers_that_change_their_input_in_place_give_the_same_map() -> None:
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)]
    images, classes = torch.randn(5, 1, 12, 12), torch.tensor([0, 1, 2, 0, 1])
    plain = nn.Sequential(*layers, nn.ReLU(), *head).eval()
    in_place = nn.Sequential(*layers, nn.ReLU(inplace=True), *head).eval()
    expected = class_maps(plain, "2", images, classes)
    torch.testing.assert_close(class_maps(plain, "1", images, classes), expected)
    torch.testing.assert_close(class_maps(in_place, "1", images, classes), expected)


def test_without_evidence_the_map_is_zero_and_nothing_stays_on_the_network() -> None:
    network = pattern_network(stripes(), dense=False)
    images = torch.zeros(2, 1, SIDE, SIDE)
    with torch.no_grad():  # as a caller might
        heat = class_maps(network, "2", images, torch.tensor([0, 2]))
    assert torch.equal(heat, torch.zeros(2, SIDE, SIDE))
    assert not any(module._forward_hooks for module in network.modules())
    assert all(weight.grad is None for weight in network.parameters())
