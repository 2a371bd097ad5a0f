"""The network with its normalisation inside."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class NormalizedNetwork(nn.Module):
    """A network that takes pixels in [0, 1], float32 [N, C, H, W], and normalises them."""

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(list(mean)).view(-1, 1, 1))
        self.register_buffer("std", torch.tensor(list(std)).view(-1, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Return logits [N, classes]."""
        logits: Tensor = self.network((images - self.mean) / self.std)
        return logits
