"""Who trains, who chooses the epoch, who is tested: stratified, seeded by `data.split_seed`."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from cnncompare.config.data import DataConfig
from cnncompare.data.source import Source, Split
from cnncompare.errors import DataError


class Splits(NamedTuple):
    """The three splits as they are used; training and validation null where nothing is trained."""

    train: Split | None
    val: Split | None
    test: Split


def split_source(source: Source, config: DataConfig) -> Splits:
    """Return training, validation and test split after carving and limits.

    Validation is the source's own split if it has one, else `val_fraction` of the training split,
    or the test split under the protocol `test_as_val`; limits are applied after that, so that
    `limit_train` changes no validation image. Raises DataError when a split would be too small.
    """
    test = _limited(source.test, config.limit_test, "test", config.split_seed)
    if source.train is None:
        return Splits(None, None, test)
    if config.protocol == "test_as_val":
        train, val = source.train, test
    elif source.val is not None:
        train, val = source.train, source.val
    else:
        train, val = _carved(source.train, source.classes, config)
    return Splits(
        train=_limited(train, config.limit_train, "train", config.split_seed),
        val=_limited(val, config.limit_val, "val", config.split_seed),
        test=test,
    )


def stratified_positions(labels: Tensor, n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return `n` seeded positions with the class shares of `labels`, and the rest; both ascending.

    Labels int64 [N], `n` at least the number of classes. Every class gets at least one of the
    `n`. scikit-learn's splitters refuse a rest that is smaller than the number of classes, which
    a limit near the whole set leaves.
    """
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    classes, counts = np.unique(labels.numpy(), return_counts=True)
    share = np.empty(len(labels))  # how much of its class comes before the image, 0 to 1
    for label, count in zip(classes, counts, strict=True):
        members = shuffled[labels.numpy()[shuffled] == label]
        share[members] = np.arange(count) / count
        share[members[1:]] += 0.5 / count  # half a step: rounds each class's number to nearest
    order = shuffled[np.argsort(share[shuffled], kind="stable")]
    return torch.from_numpy(np.sort(order[:n])), torch.from_numpy(np.sort(order[n:]))


def _carved(train: Split, classes: Sequence[str], config: DataConfig) -> tuple[Split, Split]:
    n_val = round(config.val_fraction * len(train))
    smallest, count = _smallest_class(train.labels, classes)
    if count < 2:
        raise DataError(
            f"class {smallest!r} has {count} training image, so none can be held out for "
            f"validation; 2 are needed, or a split of its own for validation (val/)"
        )
    if not len(classes) <= n_val <= len(train) - len(classes):
        raise DataError(
            f"data.val_fraction={config.val_fraction:g} of {len(train)} training images is "
            f"{n_val}, but both splits need one image of each of the {len(classes)} classes"
        )
    positions, rest = stratified_positions(train.labels, n_val, config.split_seed)
    lost = set(range(len(classes))) - set(train.labels[rest].tolist())
    if lost:
        raise DataError(
            f"data.val_fraction={config.val_fraction:g} takes every training image of class "
            f"{classes[min(lost)]!r}; give a smaller fraction"
        )
    return train.select(rest), train.select(positions)


def _smallest_class(labels: Tensor, classes: Sequence[str]) -> tuple[str, int]:
    counts = torch.bincount(labels, minlength=len(classes))
    return classes[int(counts.argmin())], int(counts.min())


def _limited(split: Split, limit: int | None, name: str, seed: int) -> Split:
    if limit is None or limit == len(split):
        return split
    n_classes = int((torch.bincount(split.labels) > 0).sum())
    if limit > len(split):
        raise DataError(
            f"data.limit_{name}={limit}, but there are {len(split)} images; "
            f"give at most that, or null for all"
        )
    if limit < n_classes:
        raise DataError(
            f"data.limit_{name}={limit} is fewer than the {n_classes} classes; "
            f"give {n_classes} or more"
        )
    return split.select(stratified_positions(split.labels, limit, seed)[0])
