"""Options of the data set, its split and its augmentation."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr, model_validator

from cnncompare.config.section import (
    DESCRIBED,
    NEITHER,
    PROTOCOL,
    TRAINING,
    TRAINING_PROTOCOL,
    Count,
    Interpolation,
    Name,
    NotNegative,
    Option,
    Pixels,
    Positive,
    Section,
)

IMAGE_SUFFIXES = (
    *(".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"),  # torchvision's
    *(".jfif", ".jpe", ".jif", ".jfi", ".dib", ".pbm", ".pnm"),  # other names of these formats
)
"""File names of images end in one of these, in any letter case."""

HUB_PREFIX = "hf://"
"""Start of a `data.root` that names a data set of the Hugging Face Hub: hf://OWNER/NAME."""


def label_files(root: str, labels: str) -> tuple[Path, Path]:
    """Return the paths at which `data.labels` is looked for: as it is, and in `data.root`."""
    path = os.path.expanduser(labels)
    folder = os.path.expanduser(root)
    return Path(os.path.abspath(path)), Path(os.path.abspath(os.path.join(folder, path)))


def _hash_of_first(files: Iterable[Path]) -> str | None:
    """Return the SHA-256 of the first file that exists; None if none can be read."""
    try:
        content = next((file.read_bytes() for file in files if file.is_file()), None)
    except OSError:
        return None  # reported when the table is read
    return None if content is None else hashlib.sha256(content).hexdigest()


class AugmentConfig(Section):
    """Augmentation of training images, drawn per image; mixing is drawn per batch."""

    crop_padding: Annotated[int, Field(ge=0, le=64)] = 0  # pixels, filled with zeros
    flip: bool = False  # horizontal, probability 0.5
    policy: Literal["randaugment", "trivialaugment"] | None = None  # with torchvision's defaults
    erase: Annotated[float, Field(ge=0, le=1)] = 0.0  # probability of random erasing
    mix: Literal["mixup", "cutmix"] | None = None  # pairs of images of a batch
    mix_alpha: Positive = 1.0  # both parameters of the Beta distribution of the share


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


DOWNLOADING_SOURCES = ("torchvision", "digits", "synthetic")  # data.root changes no number
DRAWN = Option("repetition", key="")  # runs that differ only in it are averaged
LARGEST_BATCH = 128  # of data.batch_size=auto


class DataConfig(Section):
    """Images, their split, and their preprocessing into batches."""

    name: Annotated[Name, DESCRIBED]  # in messages and tables
    # kind of source; data=NAME selects it
    source: Annotated[
        Literal["torchvision", "digits", "folder", "arrays", "parquet", "synthetic", "imagenet"],
        DESCRIBED,
    ]
    # folder or file of the images, or folder of the downloads
    root: Annotated[str | None, DESCRIBED] = None
    # table or array of labels; for parquet, the column
    labels: Annotated[str | None, DESCRIBED] = None
    torchvision: Annotated[TorchvisionConfig | None, DESCRIBED] = None
    synthetic: Annotated[SyntheticConfig | None, DESCRIBED] = None
    # null: that of the data set, or the crop of the weights
    image_size: Annotated[Pixels | None, TRAINING_PROTOCOL] = None
    resize: Pixels | None = None  # shorter side before the centre crop; null: image_size
    interpolation: Interpolation | None = None  # null: bilinear, or that of the weights
    channels: Annotated[Literal[1, 3] | None, DESCRIBED] = None  # null: that of the data set
    # global; each device processes an equal share; auto: 128, or less for a small training split
    batch_size: Annotated[Count | Literal["auto"], PROTOCOL] = "auto"
    test_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.2  # if the data set has no test split
    # of the training images
    val_fraction: Annotated[float, Field(gt=0, lt=1), TRAINING_PROTOCOL] = 0.1
    # determines the drawn splits; separate from seed, so that all seeds share them
    split_seed: Annotated[int, Field(ge=0), TRAINING_PROTOCOL] = 0
    # table of files and their splits, as written to split.csv
    split: Annotated[str | None, DESCRIBED] = None
    # of cross-validation
    folds: Annotated[Annotated[int, Field(ge=2)] | None, DESCRIBED] = None
    # the one that is tested, counted from 1
    fold: Annotated[Annotated[int, Field(ge=1)] | None, DRAWN] = None
    # number of a repeated hold-out, from 1
    holdout: Annotated[Annotated[int, Field(ge=1)] | None, DRAWN] = None
    # test_as_val: choose the epoch on the test set; stated in the record
    protocol: Annotated[Literal["holdout", "test_as_val"], TRAINING_PROTOCOL] = "holdout"
    # the epoch that is tested: the best on validation, or the last
    selection: Annotated[Literal["best", "last"], TRAINING_PROTOCOL] = "best"
    # draw training images with replacement, every class equally often
    balance: Annotated[bool, TRAINING] = False
    limit_train: Annotated[Count | None, TRAINING] = None  # images, stratified by class
    limit_val: Annotated[Count | None, TRAINING] = None  # images, stratified by class
    limit_test: Count | None = None  # images, stratified by class
    # predict only classes that occur among the test images
    mask_classes: Annotated[bool, Option("protocol", scope="test")] = False
    # of a test image; count_wrong and skip are for tests of pretrained weights
    on_corrupt_image: Annotated[Literal["error", "count_wrong", "skip"], Option(scope="test")] = (
        "error"
    )
    # mean and standard deviation: of the training images, of the weights, or known ones
    normalize: Annotated[
        Literal["train", "weights", "imagenet", "half", "cifar10", "none"], TRAINING_PROTOCOL
    ] = "train"
    augment: Annotated[AugmentConfig, TRAINING_PROTOCOL] = AugmentConfig()
    # decoding processes; null: one per core
    workers: Annotated[Annotated[int, Field(ge=0)] | None, NEITHER] = None
    cache_dir: Annotated[str, NEITHER] = "~/.cache/cnncompare"  # of decoded images
    # larger decoded data sets are read by workers
    cache_limit_gib: Annotated[NotNegative, NEITHER] = 4.0
    _split_sha256: str | None = PrivateAttr(default=None)
    _labels_sha256: str | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _check_source_requirements(self) -> "DataConfig":
        if self.source == "folder" and not self.root:
            raise ValueError(
                "data=folder needs data.root=PATH, a folder with one folder of images per class, "
                "or with train/CLASS/ and test/CLASS/"
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

    def model_post_init(self, context: Any, /) -> None:
        """Hash the tables of splits and labels once, so that a run's identity stays the same."""
        if self.labels is not None and self.source != "parquet":
            self._labels_sha256 = _hash_of_first(label_files(self.root or "", self.labels))
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

    def file_identity(self) -> dict[str, Any]:
        """Return what stands for `root`, `split` and `labels` in the identity of a run.

        A local root is an absolute path; tables are represented by their content, not their path.
        """
        found: dict[str, Any] = {}
        is_local = not (self.root or "").startswith(HUB_PREFIX)
        if self.source in ("folder", "arrays", "parquet", "imagenet") and is_local:
            found["root"] = os.path.abspath(os.path.expanduser(self.root or ""))
        if self.split is not None:
            found["split"] = self._split_sha256
        if self._labels_sha256 is not None:
            found["labels"] = self._labels_sha256
        return found

    @property
    def resamples(self) -> bool:
        """Whether all images are divided anew: a fold or a repeated hold-out is the test split."""
        return self.fold is not None or self.holdout is not None

    @model_validator(mode="after")
    def _check_folds(self) -> "DataConfig":
        if self.folds is None and self.fold is not None:
            raise ValueError(
                f"data.fold={self.fold} needs data.folds, the number of folds; -m folds=5 runs "
                f"all of five folds"
            )
        if self.folds is not None and self.fold is None:
            raise ValueError(
                f"data.folds={self.folds} needs data.fold, the fold to test, from 1 to "
                f"{self.folds}; -m folds={self.folds} runs all of them"
            )
        if self.fold is not None and self.fold > (self.folds or 0):
            raise ValueError(
                f"data.fold={self.fold} is beyond the last of data.folds={self.folds}; "
                f"use 1 to {self.folds}"
            )
        if self.fold is not None and self.holdout is not None:
            raise ValueError(
                f"data.fold={self.fold} and data.holdout={self.holdout} divide the images in two "
                f"ways; use folds or hold-outs"
            )
        return self

    @model_validator(mode="after")
    def _check_resampling(self) -> "DataConfig":
        if not self.resamples:
            return self
        key = f"data.fold={self.fold}" if self.fold else f"data.holdout={self.holdout}"
        if self.split is not None:
            raise ValueError(
                f"data.split={self.split} fixes the test images, and {key} draws them; use one of "
                f"the two"
            )
        default = DataConfig.model_fields["test_fraction"].default
        if self.fold is not None and self.test_fraction != default:
            raise ValueError(
                f"data.test_fraction={self.test_fraction:g} has no effect on folds: each of "
                f"{self.folds} folds tests 1/{self.folds} of the images; leave it out, or use "
                f"holdouts"
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
        if self.split is not None and self.source in ("torchvision", "imagenet"):
            raise ValueError(
                f"data.split is for your own images; data={self.name} has fixed splits"
            )
        if self.mask_classes and self.source != "imagenet":
            raise ValueError("data.mask_classes=true is for data=imagenet_val")
        return self
