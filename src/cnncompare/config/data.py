"""Options of the data set, its split and its augmentation."""

import hashlib
import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr, model_validator

from cnncompare.config.section import (
    Count,
    Interpolation,
    Name,
    NotNegative,
    Pixels,
    Positive,
    Section,
)

IMAGE_SUFFIXES = (
    *(".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"),  # torchvision's
    *(".jfif", ".jpe", ".jif", ".jfi", ".dib", ".pbm", ".pnm"),  # other names of these formats
)
"""File names of images end in one of these, in any letter case."""


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
    source: Literal["torchvision", "digits", "folder", "synthetic", "imagenet"]
    root: str | None = None  # folder of the class folders, or of the downloads
    torchvision: TorchvisionConfig | None = None
    synthetic: SyntheticConfig | None = None
    image_size: Pixels | None = None  # null: that of the data set, or the crop of the weights
    resize: Pixels | None = None  # shorter side before the centre crop; null: image_size
    interpolation: Interpolation | None = None  # null: bilinear, or that of the weights
    channels: Literal[1, 3] | None = None  # null: that of the data set
    batch_size: Count = 128  # global; each device processes an equal share
    test_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.2  # if the data set has no test split
    val_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.1  # of the training images
    split_seed: Annotated[int, Field(ge=0)] = 0
    split: str | None = None  # table of files and their splits, as written to split.csv
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
    _split_sha256: str | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _check_source_requirements(self) -> "DataConfig":
        if self.source == "folder" and not self.root:
            raise ValueError(
                "data=folder needs data.root=PATH, a folder with one folder of images per class, "
                "or with train/CLASS/ and test/CLASS/"
            )
        if self.source == "torchvision" and self.torchvision is None:
            raise ValueError("source=torchvision needs data.torchvision.dataset")
        if self.source == "imagenet" and not self.root:
            raise ValueError(
                "data=imagenet_val needs data.root=PATH, the folder with the validation images "
                "(docs/imagenet.md lists the layouts)"
            )
        return self

    def model_post_init(self, context: Any, /) -> None:
        """Read the hash of the split table once, so that the identity of a run stays the same."""
        if self.split is None:
            return
        try:
            content = Path(os.path.expanduser(self.split)).read_bytes()
        except OSError as error:
            raise ValueError(
                f"data.split={self.split} cannot be read ({error.strerror}); give a table with "
                f"the columns file and split, such as split.csv of a run"
            ) from None
        self._split_sha256 = hashlib.sha256(content).hexdigest()

    @property
    def split_sha256(self) -> str | None:
        """The hash of the content of the split table, None without one."""
        return self._split_sha256

    @model_validator(mode="after")
    def _check_source_support(self) -> "DataConfig":
        scaled = self.resize is not None or self.interpolation is not None
        if scaled and self.source not in ("folder", "imagenet"):
            raise ValueError(
                "data.resize and data.interpolation are for image files, data=folder and "
                f"data=imagenet_val; data={self.name} supports only data.image_size"
            )
        if scaled and self.source == "folder" and self.image_size is None:
            raise ValueError("data.resize needs data.image_size=PIXELS, the size of the crop")
        if self.resize is not None and self.resize < (self.image_size or 0):
            raise ValueError(
                f"data.image_size={self.image_size} cannot be cut out of "
                f"data.resize={self.resize}; resize to {self.image_size} or more"
            )
        if self.split is not None and self.source in ("torchvision", "imagenet"):
            raise ValueError(
                f"data.split is for your own images; data={self.name} has fixed splits"
            )
        if self.mask_classes and self.source != "imagenet":
            raise ValueError("data.mask_classes=true is for data=imagenet_val")
        return self
