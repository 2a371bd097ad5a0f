"""Fine-tuning: finding the head and freezing the backbone."""

from typing import Any

import torch
from torch import nn

from cnncompare.models.complexity import eval_mode, forward_on_meta


def head_parameters(network: nn.Module, image_shape: tuple[int, int, int]) -> set[str]:
    """Return the names of the parameters of the layer that computes the logits.

    That is the linear layer or convolution applied last to an image of (channels, height, width).
    Auxiliary heads are included.
    """
    applied: list[str] = []
    handles = [
        module.register_forward_hook(_recording_hook(applied, name))
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
    """Freeze all parameters except those named in `head`."""
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name in head)


def freeze_norm_statistics(network: nn.Module) -> None:
    """Put norms with frozen parameters into eval mode, which keeps their running statistics.

    Call it after each ``network.train()``, which would put them back into training mode.
    """
    for module in network.modules():
        parameters = list(module.parameters(recurse=False))
        frozen = parameters and not any(parameter.requires_grad for parameter in parameters)
        if frozen and hasattr(module, "running_mean"):
            module.eval()


def _recording_hook(applied: list[str], name: str) -> Any:
    def hook(module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        applied.append(name)

    return hook
