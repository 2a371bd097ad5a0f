"""Options of the loss, the optimizer and the learning rate schedule."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cnncompare.config.section import NotNegative, Positive, Section, Share


class LossConfig(Section):
    """The cross-entropy loss."""

    label_smoothing: Share = 0.0
    class_weights: Literal["none", "balanced"] = "none"  # balanced: n / (classes * n of the class)


class SGDConfig(Section):
    """torch.optim.SGD."""

    name: Literal["sgd"]
    lr: Positive
    momentum: Share = 0.9
    nesterov: bool = True
    weight_decay: NotNegative = 5e-4
    decay_norm_and_bias: bool = True

    @model_validator(mode="after")
    def _check_nesterov(self) -> "SGDConfig":
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov needs a momentum above 0: set optimizer.nesterov=false")
        return self


class AdamWConfig(Section):
    """torch.optim.AdamW."""

    name: Literal["adamw"]
    lr: Positive
    beta1: Share = 0.9
    beta2: Share = 0.999
    weight_decay: NotNegative = 0.05
    decay_norm_and_bias: bool = False


class ConstantConfig(Section):
    """A constant learning rate."""

    name: Literal["constant"]
    warmup_epochs: NotNegative = 0.0


class CosineConfig(Section):
    """A half cosine from the learning rate to `final_lr_ratio` times the learning rate."""

    name: Literal["cosine"]
    warmup_epochs: NotNegative = 0.0
    final_lr_ratio: Annotated[float, Field(ge=0, le=1)] = 0.0


class OneCycleConfig(Section):
    """A rise to the learning rate, followed by a decrease."""

    name: Literal["onecycle"]
    rise_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.3
    start_lr_ratio: Annotated[float, Field(gt=0, le=1)] = 0.04
    final_lr_ratio: Annotated[float, Field(ge=0, le=1)] = 4e-6


class MultiStepConfig(Section):
    """A multiplication of the learning rate by `gamma` at each milestone."""

    name: Literal["multistep"]
    milestones: list[Annotated[float, Field(gt=0, lt=1)]] = Field(
        default=[0.5, 0.75]
    )  # fractions of the training
    gamma: Annotated[float, Field(gt=0, lt=1)] = 0.1
    warmup_epochs: NotNegative = 0.0
