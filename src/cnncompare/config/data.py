"""Options of the data set, its split and its augmentation."""

import os
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from cnncompare.config.section import (
    Count,
    Interpolation,
    Name,
    NotNegative,
    Pixels,
    Positive,
    Section,
)

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
"""File names of images end in one of these, in any letter case; the list is torchvision's."""

HUB_PREFIX = "hf://"
"""Start of a `data.root` that names a data set of the Hugging Face Hub: hf://OWNER/NAME."""


class AugmentConfig(Section):
    """Augmentation of training images, drawn per image; mixing is drawn per batch."""

    crop_padding: Annotated[int, Field(ge=0, le=64)] = 0  # pixels, filled with zeros
    flip: bool = False  # horizontal, probability 0.5
    policy: Literal["randaugment", "trivialaugment"] | None = None
    erase: Annotated[float, Field(ge=0, le=1)] = 0.0  # probability of random erasing
    mix: Literal["mixup", "cutmix"] | None = None
    mix_alpha: Positive = 1.0


class TorchvisionConfig(Section):
    """A class of torchvision.datasets, and its arguments for the training and test images."""

    dataset: str
    train: dict[str, Any]
    test: dict[str, Any]


class SyntheticConfig(Section):
    """Generated images with learnable classes, determined by a seed."""

    classes: Annotated[int, Field(ge=2, le=1000)] = 10
    n_train: Count = 1000
    n_test: Count = 200
    noise: NotNegative = 0.25  # standard deviation of the pixels, in units of the full range


class DataConfig(Section):
    """Images, their split, and their preprocessing into batches."""

    name: Name
    source: Literal["torchvision", "digits", "folder", "arrays", "parquet", "synthetic", "imagenet"]
    root: str | None = None  # folder or file of the images, or folder of the downloads
    labels: str | None = None  # table or array of labels; for parquet, the column
    torchvision: TorchvisionConfig | None = None
    synthetic: SyntheticConfig | None = None
    image_size: Pixels | None = None  # null: that of the data set, or the crop of the weights
    resize: Pixels | None = None  # shorter side before the centre crop; null: image_size
    interpolation: Interpolation | None = None  # null: bilinear, or that of the weights
    channels: Literal[1, 3] | None = None  # null: that of the data set
    batch_size: Count = 128  # global; each device processes an equal share
    val_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.1
    split_seed: Annotated[int, Field(ge=0)] = 0
    protocol: Literal["holdout", "test_as_val"] = "holdout"
    limit_train: Count | None = None  # images, stratified by class
    limit_val: Count | None = None
    limit_test: Count | None = None
    mask_classes: bool = False  # predict only classes that occur among the test images
    on_corrupt_image: Literal["error", "count_wrong", "skip"] = "error"
    normalize: Literal["train", "weights", "imagenet", "half", "cifar10", "none"] = "train"
    augment: AugmentConfig = AugmentConfig()
    workers: Annotated[int, Field(ge=0)] | None = None  # decoding processes; null: one per core
    cache_dir: str = "~/.cache/cnncompare"
    cache_limit_gib: NotNegative = 4.0  # larger decoded data sets are read by workers

    def absolute_paths(self) -> dict[str, str]:
        """Return `root` and `labels` as absolute paths if they are local files or folders."""
        paths = {"root": self.root}
        if self.source != "parquet":  # there, it is the name of a column
            paths["labels"] = self.labels
        return {
            key: os.path.abspath(os.path.expanduser(path))
            for key, path in paths.items()
            if path is not None and not path.startswith(HUB_PREFIX)
        }

    @model_validator(mode="after")
    def _check_source_requirements(self) -> "DataConfig":
        if self.source == "folder" and not self.root:
            raise ValueError(
                "data=folder needs data.root=PATH, a folder with train/CLASS/ and test/CLASS/"
            )
        if self.source == "arrays" and not self.root:
            raise ValueError(
                "data=arrays needs data.root=FILE, an .npz file with images and labels, or an .npy "
                "file of images with data.labels=FILE.npy"
            )
        if self.source == "parquet" and not self.root:
            raise ValueError(
                "data=parquet needs data.root=PATH, a folder or a file in Parquet or Arrow format, "
                "or hf://OWNER/NAME"
            )
        if self.source == "torchvision" and self.torchvision is None:
            raise ValueError("source=torchvision needs data.torchvision.dataset")
        if self.source == "imagenet" and not self.root:
            raise ValueError(
                "data=imagenet_val needs data.root=PATH, the folder with the validation images "
                "(docs/imagenet.md lists the layouts)"
            )
        return self

    @model_validator(mode="after")
    def _check_source_support(self) -> "DataConfig":
        scaled = self.resize is not None or self.interpolation is not None
        if scaled and self.source not in ("folder", "parquet", "imagenet"):
            raise ValueError(
                "data.resize and data.interpolation are for image files, data=folder, data=parquet "
                f"and data=imagenet_val; data={self.name} supports only data.image_size"
            )
        if self.labels is not None and self.source not in ("folder", "arrays", "parquet"):
            raise ValueError(
                f"data.labels={self.labels} is for data=folder, data=arrays and data=parquet; "
                f"data={self.name} has its own labels"
            )
        if scaled and self.source in ("folder", "parquet") and self.image_size is None:
            raise ValueError("data.resize needs data.image_size=PIXELS, the size of the crop")
        if self.resize is not None and self.resize < (self.image_size or 0):
            raise ValueError(
                f"data.image_size={self.image_size} cannot be cut out of "
                f"data.resize={self.resize}; resize to {self.image_size} or more"
            )
        if self.mask_classes and self.source != "imagenet":
            raise ValueError("data.mask_classes=true is for data=imagenet_val")
        return self
