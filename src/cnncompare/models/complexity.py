"""The size of a network: parameters, multiply-accumulate operations (MACs) and bytes."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode


def count_params(network: nn.Module) -> int:
    """Return the number of trainable and frozen parameters, without buffers."""
    return sum(parameter.numel() for parameter in network.parameters())


def count_macs(network: nn.Module, image_shape: tuple[int, int, int]) -> int:
    """Return the MACs of convolutions and matrix products for one image in eval mode.

    `image_shape` is (channels, height, width). The forward pass runs on meta tensors and leaves
    the buffers and the training mode of `network` unchanged.
    """
    with eval_mode(network), FlopCounterMode(display=False) as counter:
        forward_on_meta(network, (1, *image_shape))
    return int(counter.get_total_flops()) // 2  # the counter counts a multiply-add as two


def size_mb(network: nn.Module) -> float:
    """Return the size of the state dict in MB (1e6 bytes)."""
    tensors: list[Tensor] = list(network.state_dict().values())
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors) / 1e6


def forward_on_meta(network: nn.Module, batch_shape: tuple[int, int, int, int]) -> Tensor:
    """Return the output of `network` for a batch of shape [N, C, H, W], as meta tensors.

    Only shapes are computed. The output has the type that the network returns.
    """
    state = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    on_meta = {name: torch.empty_like(tensor, device="meta") for name, tensor in state.items()}
    images = torch.empty(batch_shape, device="meta")
    with torch.no_grad():
        logits: Tensor = functional_call(network, on_meta, (images,))
    return logits


@contextmanager
def eval_mode(network: nn.Module) -> Iterator[None]:
    """Put `network` into eval mode and restore the mode of each module on exit."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
