"""How large a network is: parameters, multiply-accumulates, bytes."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode


def count_params(network: nn.Module) -> int:
    """Return the number of trainable and frozen parameters; buffers are not counted."""
    return sum(parameter.numel() for parameter in network.parameters())


def count_macs(network: nn.Module, image_shape: tuple[int, int, int]) -> int:
    """Return the multiply-accumulates of convolutions and products for one image, in eval mode.

    `image_shape` is (channels, height, width). Nothing is computed (meta tensors), and neither
    buffers nor the training mode of `network` change.
    """
    with eval_mode(network), FlopCounterMode(display=False) as counter:
        forward_on_meta(network, (1, *image_shape))
    return int(counter.get_total_flops()) // 2  # the counter takes a multiply-add for two


def size_mb(network: nn.Module) -> float:
    """Return the size of the state dict in MB (1e6 bytes), as a checkpoint of it would have."""
    tensors: list[Tensor] = list(network.state_dict().values())
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors) / 1e6


def forward_on_meta(network: nn.Module, batch_shape: tuple[int, int, int, int]) -> Tensor:
    """Return what `network` makes of a batch of `batch_shape`, as shapes only; computes nothing."""
    state = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    on_meta = {name: torch.empty_like(tensor, device="meta") for name, tensor in state.items()}
    images = torch.empty(batch_shape, device="meta")
    with torch.no_grad():
        logits: Tensor = functional_call(network, on_meta, (images,))
    return logits


@contextmanager
def eval_mode(network: nn.Module) -> Iterator[None]:
    """Put `network` into eval mode, and each of its modules back into its own mode."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
