"""Options of the loss, the optimizer and the learning rate schedule."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from cnncompare.config.extension import OwnSection, tag_of
from cnncompare.config.section import (
    Count,
    Name,
    NotNegative,
    NotNegativeCount,
    Option,
    Positive,
    Section,
    Share,
)
from cnncompare.extensions.kinds import LOSSES, OPTIMIZERS, SCHEDULERS


class LossConfig(Section):
    """The cross-entropy loss, and the options that all losses share."""

    name: Annotated[str, Option(key="loss")] = "cross_entropy"
    label_smoothing: Share = 0.0  # of the training loss only
    # balanced: n / (classes * n of the class)
    class_weights: Literal["none", "balanced"] = "none"


class FocalConfig(LossConfig):
    """The focal loss (Lin et al. 2017) with a softmax over the classes."""

    gamma: Annotated[NotNegative, Option(key="focal_gamma")] = 2.0  # 0: the cross-entropy


class OwnLossConfig(LossConfig, OwnSection):
    """A loss of a user's module."""


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


class AdamConfig(Section):
    """torch.optim.Adam, whose weight decay is part of the gradient."""

    name: Annotated[Literal["adam"], Option(key="optimizer")]
    lr: Positive  # peak learning rate; the network's own is for batch size 128
    beta1: Share = 0.9  # decay of the mean of the gradients
    beta2: Share = 0.999  # decay of the mean of their squares
    weight_decay: NotNegative = 0.0  # added to the gradient
    decay_norm_and_bias: bool = False  # weight decay also on normalisation and biases


class RMSpropConfig(Section):
    """torch.optim.RMSprop."""

    name: Annotated[Literal["rmsprop"], Option(key="optimizer")]
    lr: Positive  # peak learning rate; the network's own is for batch size 128
    alpha: Share = 0.99  # decay of the mean of the squared gradients
    momentum: Share = 0.0  # share of the previous step that is kept
    eps: Positive = 1e-8  # added to the denominator
    weight_decay: NotNegative = 0.0  # added to the gradient
    decay_norm_and_bias: bool = False  # weight decay also on normalisation and biases


class AdagradConfig(Section):
    """torch.optim.Adagrad."""

    name: Annotated[Literal["adagrad"], Option(key="optimizer")]
    lr: Positive  # peak learning rate; the network's own is for batch size 128
    lr_decay: NotNegative = 0.0  # step t uses lr / (1 + t * lr_decay)
    weight_decay: NotNegative = 0.0  # added to the gradient
    decay_norm_and_bias: bool = False  # weight decay also on normalisation and biases


class LambConfig(Section):
    """timm.optim.Lamb, without its own clipping of gradients."""

    name: Annotated[Literal["lamb"], Option(key="optimizer")]
    lr: Positive  # peak learning rate; the network's own is for batch size 128
    beta1: Share = 0.9  # decay of the mean of the gradients
    beta2: Share = 0.999  # decay of the mean of their squares
    weight_decay: NotNegative = 0.01  # decoupled from the gradient
    decay_norm_and_bias: bool = False  # weight decay also on normalisation and biases


class LionConfig(Section):
    """timm.optim.Lion."""

    name: Annotated[Literal["lion"], Option(key="optimizer")]
    lr: Positive  # peak learning rate; the network's own is for batch size 128
    beta1: Share = 0.9  # share of the mean in a step
    beta2: Share = 0.99  # decay of the mean of the gradients
    weight_decay: NotNegative = 0.5  # decoupled from the gradient
    decay_norm_and_bias: bool = False  # weight decay also on normalisation and biases


class OwnOptimizerConfig(OwnSection):
    """An optimizer of a user's module."""

    name: Annotated[Name, Option(key="optimizer")]
    lr: Positive  # peak learning rate; the network's own is for batch size 128
    weight_decay: NotNegative = 0.0  # added to the gradient
    decay_norm_and_bias: bool = True  # weight decay also on normalisation and biases


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


class StepConfig(Section):
    """A multiplication of the learning rate by `gamma` every `step_epochs` epochs."""

    name: Annotated[Literal["step"], Option(key="scheduler")]
    step_epochs: Count = 10  # from one multiplication to the next
    gamma: Annotated[float, Field(gt=0, lt=1)] = 0.1  # factor of each multiplication
    warmup_epochs: NotNegative = 0.0  # of a linear rise; may be a fraction


class ExponentialConfig(Section):
    """A multiplication of the learning rate by `gamma` after each epoch."""

    name: Annotated[Literal["exponential"], Option(key="scheduler")]
    gamma: Annotated[float, Field(gt=0, lt=1)] = 0.9  # factor after each epoch
    warmup_epochs: NotNegative = 0.0  # of a linear rise; may be a fraction


class PlateauConfig(Section):
    """A multiplication by `gamma` when validation accuracy has not improved for a while."""

    name: Annotated[Literal["plateau"], Option(key="scheduler")]
    gamma: Annotated[float, Field(gt=0, lt=1)] = 0.1  # factor of each multiplication
    patience: NotNegativeCount = 5  # epochs without an improvement that are tolerated
    min_delta: NotNegative = 0.0  # smallest improvement of the accuracy, in [0, 1]


class OwnSchedulerConfig(OwnSection):
    """A scheduler of a user's module."""

    name: Annotated[Name, Option(key="scheduler")]


AnyLossConfig = Annotated[
    Annotated[LossConfig, Tag("cross_entropy")]
    | Annotated[FocalConfig, Tag("focal")]
    | Annotated[LossConfig, Tag("bce")]
    | Annotated[OwnLossConfig, Tag("own")],
    Discriminator(tag_of(LOSSES, "cross_entropy")),
]
OptimizerConfig = Annotated[
    Annotated[SGDConfig, Tag("sgd")]
    | Annotated[AdamWConfig, Tag("adamw")]
    | Annotated[AdamConfig, Tag("adam")]
    | Annotated[RMSpropConfig, Tag("rmsprop")]
    | Annotated[AdagradConfig, Tag("adagrad")]
    | Annotated[LambConfig, Tag("lamb")]
    | Annotated[LionConfig, Tag("lion")]
    | Annotated[OwnOptimizerConfig, Tag("own")],
    Discriminator(tag_of(OPTIMIZERS)),
]
SchedulerConfig = Annotated[
    Annotated[ConstantConfig, Tag("constant")]
    | Annotated[CosineConfig, Tag("cosine")]
    | Annotated[OneCycleConfig, Tag("onecycle")]
    | Annotated[MultiStepConfig, Tag("multistep")]
    | Annotated[StepConfig, Tag("step")]
    | Annotated[ExponentialConfig, Tag("exponential")]
    | Annotated[PlateauConfig, Tag("plateau")]
    | Annotated[OwnSchedulerConfig, Tag("own")],
    Discriminator(tag_of(SCHEDULERS)),
]
SECTIONS: dict[str, dict[str, type[Section]]] = {
    "loss": {
        "cross_entropy": LossConfig,
        "focal": FocalConfig,
        "bce": LossConfig,
        "own": OwnLossConfig,
    },
    "optimizer": {
        "sgd": SGDConfig,
        "adamw": AdamWConfig,
        "adam": AdamConfig,
        "rmsprop": RMSpropConfig,
        "adagrad": AdagradConfig,
        "lamb": LambConfig,
        "lion": LionConfig,
        "own": OwnOptimizerConfig,
    },
    "scheduler": {
        "constant": ConstantConfig,
        "cosine": CosineConfig,
        "onecycle": OneCycleConfig,
        "multistep": MultiStepConfig,
        "step": StepConfig,
        "exponential": ExponentialConfig,
        "plateau": PlateauConfig,
        "own": OwnSchedulerConfig,
    },
}
"""The section of each choice of loss, optimizer and scheduler, by pydantic's tags."""
