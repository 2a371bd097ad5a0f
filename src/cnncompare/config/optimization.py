"""Options of the loss, the optimizer and the learning rate schedule."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cnncompare.config.section import NotNegative, Option, Positive, Section, Share


class LossConfig(Section):
    """The cross-entropy loss."""

    label_smoothing: Share = 0.0  # of the training loss only
    # balanced: n / (classes * n of the class)
    class_weights: Literal["none", "balanced"] = "none"


class SGDConfig(Section):
    """torch.optim.SGD."""

    name: Annotated[Literal["sgd"], Option(key="optimizer")]
    lr: Positive  # peak learning rate; the network's own is for batch size 128
    momentum: Share = 0.9  # share of the previous step that is kept
    nesterov: bool = True  # momentum looks ahead
    weight_decay: NotNegative = 5e-4  # L2 penalty, added to the gradient
    decay_norm_and_bias: bool = True  # weight decay also on normalisation and biases

    @model_validator(mode="after")
    def _check_nesterov(self) -> "SGDConfig":
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov needs a momentum above 0: set optimizer.nesterov=false")
        return self


class AdamWConfig(Section):
    """torch.optim.AdamW."""

    name: Annotated[Literal["adamw"], Option(key="optimizer")]
    lr: Positive  # peak learning rate; the network's own is for batch size 128
    beta1: Share = 0.9  # decay of the mean of the gradients
    beta2: Share = 0.999  # decay of the mean of their squares
    weight_decay: NotNegative = 0.05  # decoupled from the gradient
    decay_norm_and_bias: bool = False  # weight decay also on normalisation and biases


class ConstantConfig(Section):
    """A constant learning rate."""

    name: Annotated[Literal["constant"], Option(key="scheduler")]
    warmup_epochs: NotNegative = 0.0  # of a linear rise; may be a fraction


class CosineConfig(Section):
    """A half cosine from the learning rate to `final_lr_ratio` times the learning rate."""

    name: Annotated[Literal["cosine"], Option(key="scheduler")]
    warmup_epochs: NotNegative = 0.0  # of a linear rise; may be a fraction
    final_lr_ratio: Annotated[float, Field(ge=0, le=1)] = 0.0  # of the learning rate


class OneCycleConfig(Section):
    """A rise to the learning rate, followed by a decrease."""

    name: Annotated[Literal["onecycle"], Option(key="scheduler")]
    rise_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.3  # of the training
    start_lr_ratio: Annotated[float, Field(gt=0, le=1)] = 0.04  # of the peak
    final_lr_ratio: Annotated[float, Field(ge=0, le=1)] = 4e-6  # of the peak


class MultiStepConfig(Section):
    """A multiplication of the learning rate by `gamma` at each milestone."""

    name: Annotated[Literal["multistep"], Option(key="scheduler")]
    # fractions of the training
    milestones: list[Annotated[float, Field(gt=0, lt=1)]] = Field(default=[0.5, 0.75])
    gamma: Annotated[float, Field(gt=0, lt=1)] = 0.1  # factor at each milestone
    warmup_epochs: NotNegative = 0.0  # of a linear rise; may be a fraction
