"""Gradient norms equal those of a hand-made backward pass, and change no result."""

import pytorch_lightning as pl
import torch
from torch import nn

from cnncompare.runs.gradient_columns import gradient_norms
from cnncompare.training.callbacks.gradient_norms import GradientNorms


class Module(pl.LightningModule):
    """A network with one convolution and one linear layer, and what it logs."""

    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 2))
        self.logged: dict[str, float] = {}

    def log(self, name: str, value: torch.Tensor, **options: bool) -> None:  # type: ignore[override]
        self.logged[name] = float(value)


def measured(every: int) -> tuple[dict[str, float], list[list[float]]]:
    """Return the logged norms of three steps, and the norms by hand of each step."""
    torch.manual_seed(0)
    module, callback = Module(), GradientNorms(every)
    by_hand = []
    callback.on_train_epoch_start(None, module)  # type: ignore[arg-type]
    for _ in range(3):
        module.network.zero_grad()
        module.network(torch.randn(4, 1, 4, 4)).square().sum().backward()
        callback.on_before_optimizer_step(None, module, None)  # type: ignore[arg-type]
        layers = (module.network[0], module.network[2])
        by_hand.append([float((layer.weight.grad**2).sum() ** 0.5) for layer in layers])
    callback.on_train_epoch_end(None, module)  # type: ignore[arg-type]
    return module.logged, by_hand


def test_the_mean_over_steps_is_logged_for_each_layer() -> None:
    logged, by_hand = measured(every=1)
    means = torch.tensor(by_hand).mean(0)
    assert list(logged) == ["grad_norm.0", "grad_norm.2"]
    assert torch.allclose(torch.tensor(list(logged.values())), means)


def test_only_every_nth_step_counts() -> None:
    logged, by_hand = measured(every=2)
    means = torch.tensor([by_hand[0], by_hand[2]]).mean(0)
    assert torch.allclose(torch.tensor(list(logged.values())), means)


def test_columns_are_read_in_the_order_of_the_layers() -> None:
    rows: list[dict[str, float | None]] = [
        {"epoch": 1.0, "grad_norm.b": 1.0, "grad_norm.a": 2.0},
        {"grad_norm.b": 3.0},
    ]
    assert gradient_norms(rows) == {"b": [1.0, 3.0], "a": [2.0]}
    assert gradient_norms([]) == {}
