import math
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import ExponentialLR, LRScheduler, StepLR

from cnncompare.config.optimization import (
    AdagradConfig,
    AdamConfig,
    AdamWConfig,
    ConstantConfig,
    CosineConfig,
    ExponentialConfig,
    LambConfig,
    LionConfig,
    MultiStepConfig,
    OneCycleConfig,
    OptimizerConfig,
    RMSpropConfig,
    SchedulerConfig,
    SGDConfig,
    StepConfig,
)
from cnncompare.training.optimizers import build_optimizer
from cnncompare.training.schedulers import build_scheduler, lr_factor
from tests.composing import compose_config

STEPS, PER_EPOCH = 100, 10


def schedule(config: SchedulerConfig) -> list[float]:
    """Return the learning rates that an optimizer with lr 1 sees, step by step."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = build_scheduler(optimizer, config, steps=STEPS, steps_per_epoch=PER_EPOCH)
    return _rates(optimizer, scheduler)


def _rates(
    optimizer: torch.optim.Optimizer, scheduler: torch.optim.lr_scheduler.LRScheduler
) -> list[float]:
    rates = []
    for _ in range(STEPS):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def reference(
    make: Callable[[torch.optim.Optimizer], torch.optim.lr_scheduler.LRScheduler],
) -> list[float]:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make(optimizer)
    rates = []
    for step in range(STEPS):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step < STEPS - 1:
            scheduler.step()
    return rates


def test_cosine_is_torchs() -> None:
    expected = reference(lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, STEPS))
    assert schedule(CosineConfig(name="cosine")) == pytest.approx(expected, abs=1e-9)


def test_one_cycle_is_torchs() -> None:
    expected = reference(
        lambda o: torch.optim.lr_scheduler.OneCycleLR(
            o, max_lr=1.0, total_steps=STEPS, cycle_momentum=False
        )
    )
    assert schedule(OneCycleConfig(name="onecycle")) == pytest.approx(expected, abs=1e-9)


def test_multistep_is_torchs() -> None:
    expected = reference(lambda o: torch.optim.lr_scheduler.MultiStepLR(o, [50, 75]))
    assert schedule(MultiStepConfig(name="multistep")) == pytest.approx(expected)


def test_constant_stays() -> None:
    assert set(schedule(ConstantConfig(name="constant"))) == {1.0}


def test_warmup_rises_in_equal_steps_to_the_full_rate() -> None:
    rates = schedule(ConstantConfig(name="constant", warmup_epochs=0.4))
    assert rates[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    cosine = lr_factor(
        CosineConfig(name="cosine", warmup_epochs=2.0, final_lr_ratio=0.1),
        steps=STEPS,
        steps_per_epoch=PER_EPOCH,
    )
    assert cosine(20) == 1.0
    assert cosine(60) == pytest.approx(0.55)  # half-way between 1 and 0.1
    assert cosine(STEPS) == pytest.approx(0.1)


@pytest.mark.parametrize("config", [OneCycleConfig(name="onecycle"), CosineConfig(name="cosine")])
def test_a_schedule_of_few_steps_stays_finite_and_positive(config: SchedulerConfig) -> None:
    for steps in (1, 2, 3, 4):
        factor = lr_factor(config, steps=steps, steps_per_epoch=steps)
        assert all(math.isfinite(factor(step)) and factor(step) >= 0 for step in range(steps + 1))


def test_norms_and_biases_can_be_spared_weight_decay() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 2))
    optimizer = build_optimizer(network, AdamWConfig(name="adamw", lr=1e-3, weight_decay=0.1))
    decayed, spared = optimizer.param_groups
    assert [p.shape for p in decayed["params"]] == [(4, 3, 3, 3), (2, 4)]
    assert len(spared["params"]) == 4
    assert (decayed["weight_decay"], spared["weight_decay"]) == (0.1, 0.0)


def test_sgd_is_built_as_configured() -> None:
    config = SGDConfig(name="sgd", lr=0.2, momentum=0.8, weight_decay=0.01)
    (group,) = build_optimizer(nn.Linear(2, 2), config).param_groups
    expected = {"lr": 0.2, "momentum": 0.8, "nesterov": True, "weight_decay": 0.01}
    assert {key: group[key] for key in expected} == expected


@pytest.mark.parametrize(
    "config",
    [
        SGDConfig(name="sgd", lr=0.1, momentum=0.9, weight_decay=5e-4),
        AdamWConfig(name="adamw", lr=1e-3, weight_decay=0.1),
    ],
)
def test_fused_steps_are_torchs_plain_ones_but_for_last_bits(
    config: SGDConfig | AdamWConfig,
) -> None:
    def weights_after(steps: int, fused: bool) -> list[torch.Tensor]:
        torch.manual_seed(0)
        network = nn.Sequential(nn.Linear(7, 5), nn.Tanh(), nn.Linear(5, 3))
        optimizer = build_optimizer(network, config, fused=fused)
        images = torch.randn(16, 7)
        for _ in range(steps):
            optimizer.zero_grad()
            network(images).square().mean().backward()
            optimizer.step()
        return list(network.parameters())

    for ours, plain in zip(weights_after(20, True), weights_after(20, False), strict=True):
        assert torch.allclose(ours, plain, rtol=1e-5, atol=1e-6)


def test_the_head_has_a_rate_of_its_own() -> None:
    network = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 2))
    config = SGDConfig(name="sgd", lr=0.1)
    body, head = build_optimizer(
        network, config, head={"1.weight", "1.bias"}, head_lr=0.5
    ).param_groups
    assert (body["lr"], head["lr"]) == (0.1, 0.5)
    assert {id(p) for p in head["params"]} == {id(p) for p in network[1].parameters()}
    assert {id(p) for p in body["params"]} == {id(p) for p in network[0].parameters()}


def test_frozen_parameters_are_left_out() -> None:
    network = nn.Linear(2, 2)
    network.bias.requires_grad_(False)
    (group,) = build_optimizer(network, SGDConfig(name="sgd", lr=0.1)).param_groups
    assert group["params"] == [network.weight]


def test_each_optimizer_reads_the_models_own_rate() -> None:
    sgd = compose_config("model=resnet20", "optimizer=sgd")
    adamw = compose_config("model=resnet20", "optimizer=adamw")
    assert (sgd.optimizer.lr, adamw.optimizer.lr) == (sgd.model.lr.sgd, sgd.model.lr.adamw)


def first_step(config: OptimizerConfig, weight: float, gradient: float) -> float:
    """Return the change of a weight matrix's only element in the first step."""
    network = nn.Linear(1, 1, bias=False)
    nn.init.constant_(network.weight, weight)
    optimizer = build_optimizer(network, config)
    network.weight.grad = torch.full((1, 1), gradient)
    optimizer.step()
    return float(network.weight.detach()) - weight


@pytest.mark.parametrize(
    ("config", "change"),
    [
        # each by the formula of its paper, at weight 2 and gradient 0.5
        (AdamConfig(name="adam", lr=0.1), -0.1),  # the bias-corrected ratio is 1
        (AdamConfig(name="adam", lr=0.1, weight_decay=1.0), -0.1),  # also of gradient + decay
        (RMSpropConfig(name="rmsprop", lr=0.1, alpha=0.75), -0.1 / math.sqrt(1 - 0.75)),
        (AdagradConfig(name="adagrad", lr=0.1), -0.1),
        (LionConfig(name="lion", lr=0.1, weight_decay=0.0), -0.1),  # the sign alone
        (LionConfig(name="lion", lr=0.1, weight_decay=0.5), -0.1 * (1 + 0.5 * 2)),  # decoupled
        # the update 1 + 0.5 x 2 is scaled to the norm of the weight, 2
        (LambConfig(name="lamb", lr=0.1, weight_decay=0.5), -0.1 * 2),
    ],
)
def test_the_first_step_is_that_of_the_paper(config: OptimizerConfig, change: float) -> None:
    assert first_step(config, 2.0, 0.5) == pytest.approx(change, rel=1e-4)


def test_lamb_does_not_clip_the_gradients() -> None:
    (group,) = build_optimizer(
        nn.Linear(2, 2, bias=False), LambConfig(name="lamb", lr=0.1)
    ).param_groups
    assert group["max_grad_norm"] is None


@pytest.mark.parametrize(
    ("config", "reference"),
    [
        (StepConfig(name="step", step_epochs=3, gamma=0.5), lambda o: StepLR(o, 3, 0.5)),
        (ExponentialConfig(name="exponential", gamma=0.8), lambda o: ExponentialLR(o, 0.8)),
    ],
)
def test_schedules_by_epoch_are_torch_s(
    config: SchedulerConfig, reference: Callable[[torch.optim.Optimizer], LRScheduler]
) -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    expected = []
    scheduler = reference(optimizer)
    for _ in range(STEPS // PER_EPOCH):
        expected += [optimizer.param_groups[0]["lr"]] * PER_EPOCH
        optimizer.step()
        scheduler.step()
    assert schedule(config) == pytest.approx(expected)
