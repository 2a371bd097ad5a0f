"""Options of the loss, the optimizer and the learning rate schedule."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from cnncompare.config.extension import OwnSection, tag_of
from cnncompare.config.section import Count, Name, NotNegative, Positive, Section, Share
from cnncompare.extensions.kinds import LOSSES, OPTIMIZERS, SCHEDULERS


class LossConfig(Section):
    """The cross-entropy loss, and the options that all losses share."""

    name: str = "cross_entropy"
    label_smoothing: Share = 0.0


class FocalConfig(LossConfig):
    """The focal loss (Lin et al. 2017) with a softmax over the classes."""

    gamma: NotNegative = 2.0


class OwnLossConfig(LossConfig, OwnSection):
    """A loss of a user's module."""


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


class AdamConfig(Section):
    """torch.optim.Adam, whose weight decay is part of the gradient."""

    name: Literal["adam"]
    lr: Positive
    beta1: Share = 0.9
    beta2: Share = 0.999
    weight_decay: NotNegative = 0.0
    decay_norm_and_bias: bool = False


class RMSpropConfig(Section):
    """torch.optim.RMSprop."""

    name: Literal["rmsprop"]
    lr: Positive
    alpha: Share = 0.99
    momentum: Share = 0.0
    eps: Positive = 1e-8
    weight_decay: NotNegative = 0.0
    decay_norm_and_bias: bool = False


class AdagradConfig(Section):
    """torch.optim.Adagrad."""

    name: Literal["adagrad"]
    lr: Positive
    lr_decay: NotNegative = 0.0
    weight_decay: NotNegative = 0.0
    decay_norm_and_bias: bool = False


class LambConfig(Section):
    """timm.optim.Lamb, without its own clipping of gradients."""

    name: Literal["lamb"]
    lr: Positive
    beta1: Share = 0.9
    beta2: Share = 0.999
    weight_decay: NotNegative = 0.01
    decay_norm_and_bias: bool = False


class LionConfig(Section):
    """timm.optim.Lion."""

    name: Literal["lion"]
    lr: Positive
    beta1: Share = 0.9
    beta2: Share = 0.99
    weight_decay: NotNegative = 0.5
    decay_norm_and_bias: bool = False


class OwnOptimizerConfig(OwnSection):
    """An optimizer of a user's module."""

    name: Name
    lr: Positive
    weight_decay: NotNegative = 0.0
    decay_norm_and_bias: bool = True


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


class StepConfig(Section):
    """A multiplication of the learning rate by `gamma` every `step_epochs` epochs."""

    name: Literal["step"]
    step_epochs: Count = 10
    gamma: Annotated[float, Field(gt=0, lt=1)] = 0.1
    warmup_epochs: NotNegative = 0.0


class ExponentialConfig(Section):
    """A multiplication of the learning rate by `gamma` after each epoch."""

    name: Literal["exponential"]
    gamma: Annotated[float, Field(gt=0, lt=1)] = 0.9
    warmup_epochs: NotNegative = 0.0


class PlateauConfig(Section):
    """A multiplication by `gamma` when validation accuracy has not improved for a while."""

    name: Literal["plateau"]
    gamma: Annotated[float, Field(gt=0, lt=1)] = 0.1
    patience: Annotated[int, Field(ge=0)] = 5  # epochs without an improvement that are tolerated
    min_delta: NotNegative = 0.0  # smallest improvement of the accuracy, in [0, 1]


class OwnSchedulerConfig(OwnSection):
    """A scheduler of a user's module."""

    name: Name


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
