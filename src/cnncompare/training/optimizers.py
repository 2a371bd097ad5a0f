"""The configured optimizer and learning rate schedule."""

import math
from collections.abc import Callable, Collection
from typing import Any

from torch import nn
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from cnncompare.config.optimization import (
    AdamWConfig,
    ConstantConfig,
    CosineConfig,
    MultiStepConfig,
    OneCycleConfig,
    SGDConfig,
)

SchedulerConfig = ConstantConfig | CosineConfig | OneCycleConfig | MultiStepConfig


def build_optimizer(
    network: nn.Module,
    config: SGDConfig | AdamWConfig,
    *,
    head: Collection[str] = (),
    head_lr: float | None = None,
    fused: bool = False,
) -> Optimizer:
    """Return the optimizer of the trainable parameters; those named in `head` use `head_lr`.

    `fused` selects torch's single-pass implementation. For ResNet-18 on two cores a step takes
    6 instead of 14 ms (AdamW: 8 instead of 25), with equal results except for rounding.
    """
    trained = {name: p for name, p in network.named_parameters() if p.requires_grad}
    separate = {name for name in trained if name in head} if head_lr is not None else set()
    rest = [p for name, p in trained.items() if name not in separate]
    groups = _groups(rest, config, config.lr)
    if head_lr is not None:
        groups += _groups([trained[name] for name in sorted(separate)], config, head_lr)
    if isinstance(config, SGDConfig):
        return SGD(
            groups, lr=config.lr, momentum=config.momentum, nesterov=config.nesterov, fused=fused
        )
    return AdamW(groups, lr=config.lr, betas=(config.beta1, config.beta2), fused=fused)


def _groups(
    trained: list[nn.Parameter], config: SGDConfig | AdamWConfig, lr: float
) -> list[dict[str, Any]]:
    decay = {"lr": lr, "weight_decay": config.weight_decay}
    if config.decay_norm_and_bias:
        return [{"params": trained, **decay}] if trained else []
    groups = [  # normalisation parameters and biases have one dimension
        {"params": [p for p in trained if p.ndim > 1], **decay},
        {"params": [p for p in trained if p.ndim <= 1], **decay, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def build_scheduler(
    optimizer: Optimizer, config: SchedulerConfig, *, steps: int, steps_per_epoch: int
) -> LambdaLR:
    """Return the scheduler, which is stepped after each of the `steps` of the training."""
    return LambdaLR(optimizer, lr_factor(config, steps=steps, steps_per_epoch=steps_per_epoch))


def lr_factor(
    config: SchedulerConfig, *, steps: int, steps_per_epoch: int
) -> Callable[[int], float]:
    """Return the function from a step, counted from 0, to the factor of the learning rate."""
    warmup = round(getattr(config, "warmup_epochs", 0.0) * steps_per_epoch)

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / (warmup + 1)
        match config:
            case ConstantConfig():
                return 1.0
            case CosineConfig():
                progress = (step - warmup) / max(1, steps - warmup)
                return _cosine(1.0, config.final_lr_ratio, progress)
            case OneCycleConfig():
                return _one_cycle(config, step, steps)
            case MultiStepConfig():
                passed = sum(step >= milestone * steps for milestone in config.milestones)
                return math.pow(config.gamma, passed)

    return factor


def _cosine(start: float, end: float, progress: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * min(1.0, progress))) / 2


def _one_cycle(config: OneCycleConfig, step: int, steps: int) -> float:
    """Return the factor as in torch.optim.lr_scheduler.OneCycleLR: two half cosines."""
    peak = config.rise_fraction * steps - 1
    if step <= peak:
        return _cosine(config.start_lr_ratio, 1.0, step / peak)
    return _cosine(1.0, config.final_lr_ratio, (step - peak) / (steps - 1 - peak))
