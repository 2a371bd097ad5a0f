"""Each family implemented in this project learns digits far above the chance level of 10 %."""

import pytest
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import Tensor, nn

from cnncompare.models.registry import registered_model
from cnncompare.models.zoo import fractalnet

Case = tuple[str, float, int, int, dict[str, bool | float]]

PLAIN = {"dropout": False, "local_drop": 0.0, "global_share": 0.0}
# Name, learning rate, steps of 32 images, image size, options; the fewest steps that pass surely.
QUICK: list[Case] = [
    ("lenet5", 0.05, 150, 32, {}),
    ("resnet20", 0.05, 120, 16, {}),
    ("wrn_40_2", 0.05, 60, 8, {}),
    ("quicknet", 0.05, 60, 16, {}),
    ("densenet_bc_100_12", 0.05, 50, 8, {}),
]
SLOW: list[Case] = [
    ("preact_resnet18", 0.02, 30, 16, {}),
    ("alexnet2012", 0.01, 50, 32, {}),
    ("zfnet", 0.01, 50, 32, {}),
    ("fractalnet", 0.02, 60, 16, PLAIN),
    ("inception_resnet_v1", 0.01, 60, 16, {}),
    ("resnext29_8x64d", 0.01, 40, 8, {}),
    ("resnet110_sd", 0.05, 300, 8, {}),
]


@pytest.mark.parametrize("case", QUICK, ids=[case[0] for case in QUICK])
def test_learns_digits(case: Case) -> None:
    assert accuracy_after(*case) > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("case", SLOW, ids=[case[0] for case in SLOW])
def test_large_network_learns_digits(case: Case) -> None:
    assert accuracy_after(*case) > 0.5


@pytest.mark.slow
def test_fractalnet_learns_digits_with_drop_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fractalnet, "WIDTHS", (16, 32, 64, 128, 128))  # a sixteenth of the work
    assert accuracy_after("fractalnet", 0.02, 240, 32, {"dropout": False}) > 0.5


def accuracy_after(
    name: str, lr: float, steps: int, size: int, options: dict[str, bool | float]
) -> float:
    """Return the accuracy on 397 held-out digits after `steps` on the others."""
    torch.manual_seed(0)
    network = registered_model(name).build(
        classes=10, in_channels=1, image_size=size, stem="cifar", **options
    )
    images, labels = digits(size)
    train(network, images[397:], labels[397:], lr, steps)
    network.eval()
    with torch.no_grad():
        guesses = torch.cat([network(batch).argmax(1) for batch in images[:397].split(100)])
    return (guesses == labels[:397]).float().mean().item()


def digits(size: int) -> tuple[Tensor, Tensor]:
    """Return scikit-learn's 1,797 digits of 8x8 pixels, shuffled, scaled to `size`, normalised."""
    pixels, labels = load_digits(return_X_y=True)
    order = torch.randperm(len(labels))
    images = torch.from_numpy(pixels).float().reshape(-1, 1, 8, 8)[order]
    images = F.interpolate(images, size=size, mode="bilinear")
    return (images - images.mean()) / images.std(), torch.from_numpy(labels)[order]


def train(network: nn.Module, images: Tensor, labels: Tensor, lr: float, steps: int) -> None:
    """Take `steps` of SGD with momentum 0.9 on batches of 32."""
    optimizer = torch.optim.SGD(network.parameters(), lr=lr, momentum=0.9, nesterov=True)
    network.train()
    for _ in range(steps):
        batch = torch.randint(len(images), (32,))
        optimizer.zero_grad()
        F.cross_entropy(network(images[batch]), labels[batch]).backward()
        optimizer.step()
