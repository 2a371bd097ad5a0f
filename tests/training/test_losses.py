"""Losses against torch, torchvision and numpy."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import sigmoid_focal_loss

from cnncompare.config.optimization import FocalConfig, LossConfig
from cnncompare.training.losses import build_loss


@pytest.fixture
def logits() -> Tensor:
    return 3 * torch.randn(6, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


LABELS = torch.tensor([0, 3, 1, 1, 2, 0])
MIXED = 0.3 * F.one_hot(LABELS, 4) + 0.7 * F.one_hot(LABELS.flip(0), 4)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("targets", [LABELS, MIXED.double()], ids=["labels", "mixed"])
def test_focal_loss_with_gamma_0_is_the_cross_entropy(
    logits: Tensor, targets: Tensor, smoothing: float
) -> None:
    loss = build_loss(FocalConfig(name="focal", gamma=0.0, label_smoothing=smoothing))
    expected = F.cross_entropy(logits, targets, label_smoothing=smoothing)
    torch.testing.assert_close(loss(logits, targets), expected)
    torch.testing.assert_close(
        build_loss(LossConfig(label_smoothing=smoothing))(logits, targets), expected
    )


@pytest.mark.parametrize("gamma", [0.5, 2.0, 5.0])
def test_focal_loss_of_two_classes_is_torchvision_s(gamma: float) -> None:
    margin = torch.linspace(-8, 8, 9, dtype=torch.float64)  # of class 1 over class 0
    labels = torch.tensor([0, 1, 0, 1, 1, 0, 1, 0, 1])
    logits = torch.stack([torch.zeros_like(margin), margin], dim=1)
    expected = sigmoid_focal_loss(margin, labels.double(), alpha=-1, gamma=gamma, reduction="mean")
    loss = build_loss(FocalConfig(name="focal", gamma=gamma))
    torch.testing.assert_close(loss(logits, labels), expected)


def test_bce_is_the_sum_of_one_binary_problem_per_class(logits: Tensor) -> None:
    p = 1 / (1 + np.exp(-logits.numpy()))
    hits = np.eye(4)[LABELS.numpy()]
    by_hand = -(hits * np.log(p) + (1 - hits) * np.log(1 - p)).sum(axis=1).mean()
    bce = LossConfig(name="bce")
    assert float(build_loss(bce)(logits, LABELS)) == pytest.approx(by_hand)
    shares = MIXED.double().numpy()
    by_hand = -(shares * np.log(p) + (1 - shares) * np.log(1 - p)).sum(axis=1).mean()
    assert float(build_loss(bce)(logits, MIXED.double())) == pytest.approx(by_hand)


def test_the_gradient_of_the_focal_loss_is_finite_at_certainty() -> None:
    logits = torch.tensor([[200.0, -200.0], [-200.0, 200.0]], requires_grad=True)
    loss = build_loss(FocalConfig(name="focal", gamma=0.5))(logits, torch.tensor([0, 0]))
    loss.backward()
    assert logits.grad is not None
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()


WEIGHTS = torch.tensor([1.0, 3.0, 2.0, 1.0])


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("targets", [LABELS, MIXED.double()], ids=["labels", "mixed"])
def test_weighted_focal_loss_with_gamma_0_is_torchs_weighted_cross_entropy(
    logits: Tensor, targets: Tensor, smoothing: float
) -> None:
    config = FocalConfig(name="focal", gamma=0.0, label_smoothing=smoothing)
    expected = F.cross_entropy(logits, targets, WEIGHTS.double(), label_smoothing=smoothing)
    torch.testing.assert_close(build_loss(config, WEIGHTS)(logits, targets), expected)


@pytest.mark.parametrize(
    "config",
    [LossConfig(), FocalConfig(name="focal"), LossConfig(name="bce")],
    ids=lambda config: config.name,
)
def test_a_weight_counts_as_that_many_images(logits: Tensor, config: LossConfig) -> None:
    copies = WEIGHTS[LABELS].long()
    repeated = build_loss(config)(
        logits.repeat_interleave(copies, 0), LABELS.repeat_interleave(copies)
    )
    weighted = build_loss(config, WEIGHTS)(logits, LABELS)
    torch.testing.assert_close(weighted, repeated)
    assert float(weighted) != pytest.approx(float(build_loss(config)(logits, LABELS)), rel=1e-3)


def test_a_mixed_image_has_the_mean_weight_of_its_classes_in_bce(logits: Tensor) -> None:
    mixed, bce = MIXED.double(), LossConfig(name="bce")
    single = [build_loss(bce)(logits[i : i + 1], mixed[i : i + 1]) for i in range(len(mixed))]
    by_hand = np.mean((mixed.numpy() @ WEIGHTS.numpy()) * np.array([float(x) for x in single]))
    assert float(build_loss(bce, WEIGHTS)(logits, mixed)) == pytest.approx(by_hand)
