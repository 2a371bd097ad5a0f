"""Data sources that users' modules register."""

import torch
from torch import Tensor

from cnncompare.config.data import DataConfig
from cnncompare.config.extension import Own
from cnncompare.data.files import ImageFiles
from cnncompare.data.source import Source, Split
from cnncompare.errors import DataError
from cnncompare.extensions.kinds import DATA_SOURCES


def load_own(config: DataConfig) -> Source:
    """Return the data of a user's source, checked; raises DataError for what it must not return."""
    assert config.module is not None
    own = Own(DATA_SOURCES, config.source, config.module, "data.module", config.options)
    source = own.build(root=config.root, cache_dir=config.cache_dir)
    if not isinstance(source, Source):
        raise DataError(
            f"data source {config.source} returned {type(source).__name__}; it must return a "
            "cnncompare.data.source.Source"
        )
    for name, split in (("train", source.train), ("val", source.val), ("test", source.test)):
        if split is not None:
            _check_split(f"{config.source}: {name}", split, source)
    return source


def _check_split(name: str, split: Split, source: Source) -> None:
    labels, images = split.labels, split.images
    if isinstance(images, Tensor) and (
        images.dtype != torch.uint8 or tuple(images.shape[1:]) != tuple(source.shape)
    ):
        raise DataError(
            f"{name} images are {images.dtype} of shape {list(images.shape)}; they must be uint8 "
            f"[N, {', '.join(map(str, source.shape))}]"
        )
    if not isinstance(images, Tensor | ImageFiles):
        raise DataError(f"{name} images are {type(images).__name__}; they must be a tensor")
    if labels.dtype != torch.int64 or labels.ndim != 1 or labels.shape != split.rows.shape:
        raise DataError(
            f"{name} labels are {labels.dtype} of shape {list(labels.shape)}; they must be int64, "
            "one per image"
        )
    n = len(source.classes)
    if len(labels) == 0 or int(labels.min()) < 0 or int(labels.max()) >= n:
        found = f"{labels.min()} to {labels.max()}" if len(labels) else "none"
        raise DataError(f"{name} labels are {found}; with {n} classes they are 0 to {n - 1}")
