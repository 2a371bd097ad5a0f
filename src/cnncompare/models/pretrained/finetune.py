"""Fine-tuning: which layer is the head, and how the rest is kept as it is."""

from typing import Any

import torch
from torch import nn

from cnncompare.models.complexity import eval_mode, forward_on_meta


def head_parameters(network: nn.Module, image_shape: tuple[int, int, int]) -> set[str]:
    """Return the names of the parameters of the layer that gives the logits.

    It is the last linear layer or convolution that is applied; auxiliary heads count as heads.
    """
    applied: list[str] = []
    handles = [
        module.register_forward_hook(_noting(applied, name))
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d)
    ]
    with eval_mode(network):
        forward_on_meta(network, (1, *image_shape))
    for handle in handles:
        handle.remove()
    heads = (f"{applied[-1]}.", "aux1.", "aux2.", "AuxLogits.")
    return {name for name, _ in network.named_parameters() if name.startswith(heads)}


def freeze_backbone(network: nn.Module, head: set[str]) -> None:
    """Leave only the parameters named in `head` to be trained."""
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name in head)


def freeze_norm_statistics(network: nn.Module) -> None:
    """Put the norms whose parameters are frozen into eval mode, so that their statistics stay.

    To be called after each ``network.train()``, which undoes it.
    """
    for module in network.modules():
        own = list(module.parameters(recurse=False))
        if hasattr(module, "running_mean") and own and not any(p.requires_grad for p in own):
            module.eval()


def _noting(applied: list[str], name: str) -> Any:
    def hook(module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        applied.append(name)

    return hook
