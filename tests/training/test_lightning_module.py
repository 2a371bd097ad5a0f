from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cnncompare.config.optimization import ConstantConfig, LossConfig, SGDConfig
from cnncompare.training.lightning_module import ImageClassifier

CLASSES = 4
Batch = tuple[torch.Tensor, torch.Tensor]


class TwoHeads(nn.Module):
    """Returns (main, auxiliary) in training and the main logits alone in evaluation."""

    def __init__(self) -> None:
        super().__init__()
        self.main = nn.Linear(12, CLASSES)
        self.auxiliary = nn.Linear(12, CLASSES)

    def forward(self, images: torch.Tensor) -> Any:
        flat = images.flatten(1)
        return (self.main(flat), self.auxiliary(flat)) if self.training else self.main(flat)


def task_of(network: nn.Module, smoothing: float = 0.0, **more: Any) -> ImageClassifier:
    return ImageClassifier(
        network,
        seed=0,
        loss=LossConfig(label_smoothing=smoothing),
        optimizer=SGDConfig(name="sgd", lr=0.1),
        scheduler=ConstantConfig(name="constant"),
        **more,
    )


@pytest.fixture
def batch() -> Batch:
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(6, 3, 2, 2, generator=generator)
    return images, torch.randint(CLASSES, (6,), generator=generator)


def test_auxiliary_heads_add_their_share_of_the_loss(batch: Batch) -> None:
    network = TwoHeads()
    task = task_of(network, aux_weight=0.3)
    main, auxiliary = network(batch[0])
    expected = F.cross_entropy(main, batch[1]) + 0.3 * F.cross_entropy(auxiliary, batch[1])
    assert task.training_step(batch, 0).item() == pytest.approx(expected.item())
    assert task.train_sums.compute()["loss"] == pytest.approx(
        F.cross_entropy(main, batch[1]).item()
    )


def test_label_smoothing_is_in_the_training_loss_alone(batch: Batch) -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, CLASSES))
    task = task_of(network, smoothing=0.2)
    smoothed = F.cross_entropy(network(batch[0]), batch[1], label_smoothing=0.2)
    assert task.training_step(batch, 0).item() == pytest.approx(smoothed.item())
    task.validation_step((*batch, torch.arange(6)), 0)
    plain = F.cross_entropy(network(batch[0]), batch[1])
    assert task.val_sums.compute()["loss"] == pytest.approx(plain.item())


def test_mixed_targets_are_supported(batch: Batch) -> None:
    task = task_of(nn.Sequential(nn.Flatten(), nn.Linear(12, CLASSES)))
    mixed = F.one_hot(batch[1], CLASSES).float() * 0.7 + 0.3 / CLASSES
    assert torch.isfinite(task.training_step((batch[0], mixed), 0))


def test_the_test_step_returns_the_saved_predictions(batch: Batch) -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, CLASSES))
    task = task_of(network)
    saved = task.test_step((*batch, torch.arange(10, 16)), 0)
    probabilities = network(batch[0]).softmax(dim=1)
    assert saved["top5"].shape == (6, CLASSES)
    assert torch.equal(saved["top5"][:, 0], probabilities.argmax(dim=1))
    assert torch.allclose(saved["confidence"], probabilities.amax(dim=1))
    assert torch.equal(saved["indices"], torch.arange(10, 16))
    right = (probabilities.argmax(dim=1) == batch[1]).sum().item()
    assert task.test_sums.compute()["correct1"] == right


def test_the_random_state_of_an_epoch_depends_on_seed_and_epoch_only() -> None:
    task = task_of(nn.Linear(1, 1))
    torch.manual_seed(1)
    task.on_train_epoch_start()
    first = torch.rand(3)
    torch.manual_seed(2)
    task.on_train_epoch_start()
    assert torch.equal(torch.rand(3), first)
    other = task_of(nn.Linear(1, 1))
    other.seed = 1
    other.on_train_epoch_start()
    assert not torch.equal(torch.rand(3), first)


def test_channels_last_changes_the_layout_and_not_the_logits(
    batch: Batch,
) -> None:
    convolution = nn.Conv2d(3, CLASSES, 2)
    plain = task_of(convolution)(batch[0])
    task = task_of(convolution, channels_last=True)
    assert task.network.weight.is_contiguous(memory_format=torch.channels_last)
    assert torch.allclose(task(batch[0]), plain, atol=1e-6)
