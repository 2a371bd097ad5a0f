"""Options of the network."""

from typing import Any, Literal

from pydantic import Field, model_validator

from cnncompare.config.section import Name, Positive, Section


class LearningRates(Section):
    """The network's default learning rate for each optimizer, at batch size 128."""

    sgd: Positive
    adamw: Positive


class ModelConfig(Section):
    """The network, its stem, pretrained weights and fine-tuning."""

    name: Name
    source: Literal["own", "torchvision", "timm"]
    stem: Literal["auto", "imagenet", "cifar"] = "auto"
    weights: str | None = None
    weights_map: Literal["by_name", "by_order"] = "by_name"  # by_order: for a file with other names
    freeze: Literal["none", "backbone"] = "none"  # backbone: only the head is trained
    head_lr: Positive | None = None  # of the head; null: optimizer.lr
    options: dict[str, Any] = Field(default={})  # keyword arguments of the network's builder
    lr: LearningRates  # read by conf/optimizer; not part of the identity
    module: str | None = None  # a user's module next to ./conf, which registers the network

    @model_validator(mode="after")
    def _check_frozen_weights(self) -> "ModelConfig":
        if self.freeze == "backbone" and self.weights is None:
            raise ValueError(
                "model.freeze=backbone would keep random weights; set model.weights, for example "
                "IMAGENET1K_V1"
            )
        return self
