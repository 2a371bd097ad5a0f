"""Options of the network."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from cnncompare.config.section import (
    DESCRIBED,
    NEITHER,
    TRAINING,
    Name,
    Option,
    Positive,
    Section,
)


class LearningRates(Section):
    """The network's default learning rate for each optimizer, at batch size 128."""

    sgd: Positive
    adamw: Positive


class ModelConfig(Section):
    """The network, its stem, pretrained weights and fine-tuning."""

    name: Annotated[Name, DESCRIBED]  # as in the list of `cnncompare models`
    # own: implemented here, or by a module of yours
    source: Annotated[Literal["own", "torchvision", "timm"], DESCRIBED]
    # imagenet: as in the paper; cifar: for small images; auto: by image size
    stem: Annotated[Literal["auto", "imagenet", "cifar"], DESCRIBED] = "auto"
    # pretrained weights: a version, a timm tag or a file; null: none
    weights: Annotated[str | None, DESCRIBED] = None
    # by_order: for a file with other names
    weights_map: Annotated[Literal["by_name", "by_order"], Option(scope="test")] = "by_name"
    # backbone: only the head is trained
    freeze: Annotated[Literal["none", "backbone"], TRAINING] = "none"
    head_lr: Annotated[Positive | None, TRAINING] = None  # of the head; null: optimizer.lr
    # keyword arguments of the network's builder
    options: Annotated[dict[str, Any], Option(key="model_options")] = Field(default={})
    lr: Annotated[LearningRates, NEITHER]  # read by conf/optimizer
    # a user's module next to ./conf, which registers the network
    module: Annotated[str | None, DESCRIBED] = None

    @model_validator(mode="after")
    def _check_frozen_weights(self) -> "ModelConfig":
        if self.freeze == "backbone" and self.weights is None:
            raise ValueError(
                "model.freeze=backbone would keep random weights; set model.weights, for example "
                "IMAGENET1K_V1"
            )
        return self
