"""The configured learning rate schedule, built in or registered by a user's module."""

import math
from collections.abc import Callable
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, ReduceLROnPlateau

from cnncompare.config.extension import OwnSection
from cnncompare.config.optimization import (
    CosineConfig,
    ExponentialConfig,
    MultiStepConfig,
    OneCycleConfig,
    PlateauConfig,
    SchedulerConfig,
    StepConfig,
)
from cnncompare.extensions.kinds import SCHEDULERS, register_scheduler
from cnncompare.extensions.resolve import call, resolve


def build_scheduler(
    optimizer: Optimizer, config: SchedulerConfig, *, steps: int, steps_per_epoch: int
) -> LRScheduler:
    """Return the scheduler, which is stepped after each of the `steps` of the training.

    A ReduceLROnPlateau is stepped after each epoch, with the validation accuracy.
    """
    supplied: dict[str, Any] = {"steps": steps, "steps_per_epoch": steps_per_epoch}
    scheduler: LRScheduler
    if isinstance(config, OwnSection):
        scheduler = config.own(SCHEDULERS).build(optimizer, **supplied)
    else:
        factory = resolve(SCHEDULERS, config.name)
        supplied["config"] = config
        scheduler = call(factory, optimizer, options={}, supplied=supplied)
    return scheduler


@register_scheduler("constant")
@register_scheduler("cosine")
@register_scheduler("onecycle")
@register_scheduler("multistep")
@register_scheduler("step")
@register_scheduler("exponential")
def _formula(
    optimizer: Optimizer, *, config: SchedulerConfig, steps: int, steps_per_epoch: int
) -> LambdaLR:
    return LambdaLR(optimizer, lr_factor(config, steps=steps, steps_per_epoch=steps_per_epoch))


@register_scheduler("plateau")
def _plateau(optimizer: Optimizer, *, config: PlateauConfig) -> ReduceLROnPlateau:
    return ReduceLROnPlateau(
        optimizer,
        mode="max",
        factor=config.gamma,
        patience=config.patience,
        threshold=config.min_delta,
        threshold_mode="abs",
    )


def lr_factor(
    config: SchedulerConfig, *, steps: int, steps_per_epoch: int
) -> Callable[[int], float]:
    """Return the function from a step, counted from 0, to the factor of the learning rate."""
    warmup = round(getattr(config, "warmup_epochs", 0.0) * steps_per_epoch)

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / (warmup + 1)
        match config:
            case CosineConfig():
                progress = (step - warmup) / max(1, steps - warmup)
                return _cosine(1.0, config.final_lr_ratio, progress)
            case OneCycleConfig():
                return _one_cycle(config, step, steps)
            case MultiStepConfig():
                passed = sum(step >= milestone * steps for milestone in config.milestones)
                return math.pow(config.gamma, passed)
            case StepConfig():
                return math.pow(config.gamma, step // steps_per_epoch // config.step_epochs)
            case ExponentialConfig():
                return math.pow(config.gamma, step // steps_per_epoch)
        return 1.0

    return factor


def _cosine(start: float, end: float, progress: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * min(1.0, progress))) / 2


def _one_cycle(config: OneCycleConfig, step: int, steps: int) -> float:
    """Return the factor as in torch.optim.lr_scheduler.OneCycleLR: two half cosines."""
    peak = config.rise_fraction * steps - 1
    if step <= peak:
        return _cosine(config.start_lr_ratio, 1.0, step / peak)
    return _cosine(1.0, config.final_lr_ratio, (step - peak) / (steps - 1 - peak))
