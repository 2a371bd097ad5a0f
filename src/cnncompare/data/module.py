"""The data of a run: loaded, split, checked, and handed out in batches."""

import os
from collections.abc import Sequence
from dataclasses import replace

import torch
from pytorch_lightning import LightningDataModule
from torch import Tensor

from cnncompare.config import AugmentConfig, DataConfig
from cnncompare.data.augment import adapt
from cnncompare.data.batches import Batches, Place, Recipe, one_thread
from cnncompare.data.cache import decoded
from cnncompare.data.digits import digits
from cnncompare.data.folder import ImageFiles, folder
from cnncompare.data.normalize import statistics
from cnncompare.data.source import Images, Part, Source, fingerprint, read
from cnncompare.data.split import Parts, split
from cnncompare.data.synthetic import synthetic
from cnncompare.data.torchvision_sets import torchvision_set
from cnncompare.errors import DataError

_DEVICE_SHARE = 0.25  # of a GPU's memory that images may take; beyond, batches are sent over


class ImageData(LightningDataModule):
    """Images of one data set under one protocol; `prepare` comes before anything else.

    After it: `classes`, class names in the order of the labels; `image_shape` (C, H, W) of a
    batch's images; `n_train`, `n_val`, `n_test`; `mean`, `std` per channel for pixels in [0, 1];
    `test_labels` int64 [n_test]; and `fingerprint`, the SHA-256 of the test set as used, before
    scaling, by which two runs know that they were tested on the same images.
    """

    classes: list[str]
    image_shape: tuple[int, int, int]
    n_train: int
    n_val: int
    n_test: int
    fingerprint: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    test_labels: Tensor

    def __init__(self, config: DataConfig, *, seed: int) -> None:
        super().__init__()
        self.config = config
        self.seed = seed
        self._workers = _cores() if config.workers is None else config.workers
        self._parts: Parts | None = None
        self._moved: dict[tuple[int, torch.device], Tensor] = {}

    def prepare(self) -> None:
        """Download or decode what is missing, load, split and check; again, it does nothing.

        Raises DataError, one line, for everything that is wrong with the data.
        """
        if self._parts is not None:
            return
        source = load(self.config)
        parts = _decoded(split(source, self.config), self.config, self._workers)
        self.classes = source.classes
        self.image_shape = _image_shape(source, self.config)
        self.n_train, self.n_val, self.n_test = len(parts.train), len(parts.val), len(parts.test)
        self.test_labels = parts.test.labels
        with one_thread():
            self.fingerprint = fingerprint(parts.test, source.shape, source.classes)
            self.mean, self.std = statistics(
                parts.train, source.shape, self.image_shape[0], self.config, self._workers
            )
        self._parts = parts

    def train_dataloader(self) -> Batches:
        """Return the training batches, in a new order each epoch."""
        return self._batches(self._ready().train, self.config.augment)

    def val_dataloader(self) -> Batches:
        """Return the validation batches, in the part's own order."""
        return self._batches(self._ready().val, None)

    def test_dataloader(self) -> Batches:
        """Return the test batches, in the part's own order."""
        return self._batches(self._ready().test, None)

    def test_images(self, indices: Sequence[int]) -> Tensor:
        """Return test images as uint8 [n, C, H, W], to be looked at."""
        test = self._ready().test
        rows = test.rows[torch.tensor(indices, dtype=torch.int64)]
        (images,) = read(test.images, [rows], workers=0)
        return adapt(images, self.image_shape).contiguous()

    def place(self) -> Place:
        """Return the trainer's epoch, process and device; without one, the first of each."""
        if self.trainer is None:
            return Place(epoch=0, rank=0, world=1, device=torch.device("cpu"))
        trainer = self.trainer
        device = trainer.strategy.root_device
        return Place(trainer.current_epoch, trainer.global_rank, trainer.world_size, device)

    def _ready(self) -> Parts:
        if self._parts is None:
            raise RuntimeError("ImageData.prepare() was not called")
        return self._parts

    def _batches(self, part: Part, augment: AugmentConfig | None) -> Batches:
        recipe = Recipe(
            shape=self.image_shape,
            mean=self.mean,
            std=self.std,
            n_classes=len(self.classes),
            batch_size=self.config.batch_size,
            seed=self.seed,
            workers=self._workers,
        )
        return Batches(part, recipe, augment, self.place, self._resident)

    def _resident(self, images: Images, device: torch.device) -> Images:
        """Return the images on the device, moved once, if they are a tensor that fits there."""
        if not isinstance(images, Tensor) or device.type == "cpu":
            return images
        if device.type == "cuda":
            memory = torch.cuda.get_device_properties(device).total_memory
            if images.nbytes > _DEVICE_SHARE * memory:
                return images
        key = (id(images), device)
        if key not in self._moved:
            self._moved[key] = images.to(device)
        return self._moved[key]


def load(config: DataConfig) -> Source:
    """Return the data set that the configuration names."""
    match config.source:
        case "digits":
            return digits()
        case "synthetic":
            if config.synthetic is None:
                raise DataError("source=synthetic needs data.synthetic; use data=synthetic")
            return synthetic(config.synthetic)
        case "folder":
            return folder(config)
        case "torchvision":
            return torchvision_set(config)


def _decoded(parts: Parts, config: DataConfig, workers: int) -> Parts:
    """Return the parts with their image files decoded, if that is what their images are."""
    files = parts.train.images  # all parts share them
    if not isinstance(files, ImageFiles):
        return parts
    images = decoded(files, config, workers)
    return Parts(*(replace(part, images=images) for part in parts))


def _image_shape(source: Source, config: DataConfig) -> tuple[int, int, int]:
    channels, height, width = source.shape
    if config.image_size is not None:
        height = width = config.image_size
    return config.channels or channels, height, width


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
