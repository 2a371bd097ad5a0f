"""Stratified training, validation and test splits, drawn with `data.split_seed`."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from cnncompare.config.data import DataConfig
from cnncompare.data.source import Source, Split
from cnncompare.errors import DataError


class Splits(NamedTuple):
    """The three splits after all limits; `train` and `val` are None if nothing is trained."""

    train: Split | None
    val: Split | None
    test: Split


def split_source(source: Source, config: DataConfig) -> Splits:
    """Return the splits of a source according to `data.protocol`, `val_fraction` and the limits.

    The validation split is the source's own if it has one, else `val_fraction` of its training
    split; with the protocol `test_as_val` it is the test split. Limits are applied last, so that
    `limit_train` does not change the validation images. Raises DataError if a split would be too
    small.
    """
    test = _limit(source.test, config.limit_test, "test", config.split_seed)
    if source.train is None:
        return Splits(None, None, test)
    if config.protocol == "test_as_val":
        train, val = source.train, test
    elif source.val is not None:
        train, val = source.train, source.val
    else:
        train, val = _hold_out_validation(source.train, source.classes, config)
    return Splits(
        train=_limit(train, config.limit_train, "train", config.split_seed),
        val=_limit(val, config.limit_val, "val", config.split_seed),
        test=test,
    )


def stratified_positions(labels: Tensor, n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Draw `n` positions with the class shares of `labels`; return them and the rest, ascending.

    `labels` is int64 [N]; `n` is at least the number of classes, and every class gets at least one
    position. scikit-learn's splitters are not used because they reject a rest smaller than the
    number of classes, which a limit close to N leaves.
    """
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    classes, counts = np.unique(labels.numpy(), return_counts=True)
    share = np.empty(len(labels))  # the share of its class that precedes the image, 0 to 1
    for label, count in zip(classes, counts, strict=True):
        members = shuffled[labels.numpy()[shuffled] == label]
        share[members] = np.arange(count) / count
        share[members[1:]] += 0.5 / count  # half a step, so that class sizes are rounded to nearest
    order = shuffled[np.argsort(share[shuffled], kind="stable")]
    return torch.from_numpy(np.sort(order[:n])), torch.from_numpy(np.sort(order[n:]))


def _hold_out_validation(
    train: Split, classes: Sequence[str], config: DataConfig
) -> tuple[Split, Split]:
    n_val = round(config.val_fraction * len(train))
    smallest, count = _smallest_class(train.labels, classes)
    if count < 2:
        raise DataError(
            f"class {smallest!r} has {count} training image, too few to hold one out for "
            f"validation; add images, or provide a validation split (val/)"
        )
    if not len(classes) <= n_val <= len(train) - len(classes):
        raise DataError(
            f"data.val_fraction={config.val_fraction:g} of {len(train)} training images is "
            f"{n_val}; training and validation each need one image of the {len(classes)} classes"
        )
    positions, rest = stratified_positions(train.labels, n_val, config.split_seed)
    lost = set(range(len(classes))) - set(train.labels[rest].tolist())
    if lost:
        raise DataError(
            f"data.val_fraction={config.val_fraction:g} takes every training image of class "
            f"{classes[min(lost)]!r}; set a smaller fraction"
        )
    return train.select(rest), train.select(positions)


def _smallest_class(labels: Tensor, classes: Sequence[str]) -> tuple[str, int]:
    counts = torch.bincount(labels, minlength=len(classes))
    return classes[int(counts.argmin())], int(counts.min())


def _limit(split: Split, limit: int | None, name: str, seed: int) -> Split:
    if limit is None or limit == len(split):
        return split
    n_classes = int((torch.bincount(split.labels) > 0).sum())
    if limit > len(split):
        raise DataError(
            f"data.limit_{name}={limit} exceeds the {len(split)} images; "
            f"set at most {len(split)}, or null for all images"
        )
    if limit < n_classes:
        raise DataError(
            f"data.limit_{name}={limit} is fewer than the {n_classes} classes; "
            f"set {n_classes} or more"
        )
    return split.select(stratified_positions(split.labels, limit, seed)[0])
