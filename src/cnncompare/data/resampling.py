"""Folds and repeated hold-outs: draws of the test split from all images of a data set."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cnncompare.config.data import DataConfig
from cnncompare.data.source import Pool, Source, Split, fingerprint
from cnncompare.data.sources.class_sizes import check_fold_sizes


def pool_images(source: Source) -> Split:
    """Return the images of all splits as one split: training, validation, test, by row.

    Splits with arrays of their own are copied into one array.
    """
    splits = [split for split in (source.train, source.val, source.test) if split is not None]
    if all(split.images is splits[0].images for split in splits):
        images, rows = splits[0].images, torch.cat([split.rows for split in splits])
    else:
        arrays = [split.images for split in splits if isinstance(split.images, Tensor)]
        assert len(arrays) == len(splits)
        starts = np.cumsum([0, *map(len, arrays)]).tolist()
        rows = torch.cat([s.rows + first for s, first in zip(splits, starts, strict=False)])
        images = torch.cat(arrays)
    labels, order = torch.cat([split.labels for split in splits]), rows.argsort()
    return replace(splits[0], images=images, labels=labels[order], rows=rows[order])


def describe_pool(
    images: Split, source: Source, config: DataConfig, hashes: Sequence[bytes]
) -> Pool:
    """Return the pool of these images; `hashes`, one per image, represent them."""
    tested = config.test_fraction if config.folds is None else 1 / config.folds
    validated = config.val_fraction if config.protocol == "holdout" else 0.0
    n_train = int(len(images) * (1 - tested) * (1 - validated))
    return Pool(
        rows=images.rows,
        fingerprint=fingerprint(images, source.shape, source.classes, hashes),
        n_train=min(n_train, config.limit_train or n_train),
    )


def holdout_seed(config: DataConfig) -> int:
    """Return the seed with which the hold-out is drawn, independent of their number."""
    assert config.holdout is not None
    sequence = np.random.SeedSequence([config.split_seed, config.holdout])
    return int(sequence.generate_state(1)[0])


def draw_fold(
    labels: Tensor, groups: NDArray[np.int64], classes: Sequence[str], config: DataConfig
) -> tuple[Tensor, Tensor]:
    """Return the positions of the fold `data.fold` and the rest, ascending.

    `groups`, int64 [N], is equal for identical images. Raises DataError if a class has fewer
    different images than there are folds.
    """
    assert config.folds is not None
    assert config.fold is not None
    distinct = np.bincount(labels.numpy()[np.unique(groups)], minlength=len(classes))
    check_fold_sizes(classes, distinct.tolist(), config.folds, "different images")
    fold_of = assign_folds(labels.numpy(), groups, config.folds, config.split_seed)
    tested = torch.from_numpy(fold_of == config.fold - 1)
    return tested.nonzero().squeeze(1), (~tested).nonzero().squeeze(1)


def assign_folds(
    labels: NDArray[np.int64], groups: NDArray[np.int64], folds: int, seed: int
) -> NDArray[np.int64]:
    """Return the fold of each position, int64 [N] from 0.

    The folds have the class sizes of scikit-learn's StratifiedKFold: those of a class differ by at
    most one image, and so do those of all classes together. Positions with the same number in
    `groups`, int64 [N], are in one fold, which can make folds differ by more. Groups are taken in
    random order, the largest first, each into the fold that its class fills least.
    """
    _, firsts, unit, sizes = np.unique(
        groups, return_index=True, return_inverse=True, return_counts=True
    )
    class_of = labels[firsts]
    room = _class_sizes(class_of[unit], folds)
    order = np.random.default_rng(seed).permutation(len(firsts))
    order = order[np.argsort(-sizes[order], kind="stable")]
    filled = {label: [0] * folds for label in room}
    fold_of_group = np.empty(len(firsts), np.int64)
    for group in order.tolist():
        free, taken = room[int(class_of[group])], filled[int(class_of[group])]
        fold = max(range(folds), key=lambda f: (free[f], -taken[f]))
        free[fold] -= int(sizes[group])
        taken[fold] += int(sizes[group])
        fold_of_group[group] = fold
    return fold_of_group[unit]


def _class_sizes(labels: NDArray[np.int64], folds: int) -> dict[int, list[int]]:
    """Return for each class its number of images per fold: every k-th of the sorted labels."""
    ordered = np.sort(labels)
    counts = [np.bincount(ordered[fold::folds], minlength=ordered[-1] + 1) for fold in range(folds)]
    table = np.array(counts).T
    return {int(label): table[label].tolist() for label in np.unique(labels)}
