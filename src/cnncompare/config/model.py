"""Options of the network."""

from typing import Any, Literal

from pydantic import Field, model_validator

from cnncompare.config.section import Name, Positive, Section


class LearningRates(Section):
    """The model's own learning rate for each optimizer, at batch size 128."""

    sgd: Positive
    adamw: Positive


class ModelConfig(Section):
    """Which network, and how its front is adapted to the images."""

    name: Name
    source: Literal["own", "torchvision", "timm"]
    stem: Literal["auto", "imagenet", "cifar"] = "auto"
    weights: str | None = None
    weights_map: Literal["by_name", "by_order"] = "by_name"  # by_order: a file with other names
    freeze: Literal["none", "backbone"] = "none"  # backbone: only the head is trained
    head_lr: Positive | None = None  # of the head's parameters; null is optimizer.lr
    options: dict[str, Any] = Field(default={})  # keyword arguments of the network's builder
    lr: LearningRates  # what conf/optimizer reads; not part of the identity
    module: str | None = None  # a user's own module, beside their ./conf, that registers the model

    @model_validator(mode="after")
    def _frozen_weights_come_from_somewhere(self) -> "ModelConfig":
        if self.freeze == "backbone" and self.weights is None:
            raise ValueError(
                "model.freeze=backbone would keep random weights; name model.weights, for example "
                "IMAGENET1K_V1"
            )
        return self
