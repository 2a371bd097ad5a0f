"""Stratified training, validation and test splits, drawn with `data.split_seed` or from a table."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cnncompare.config.data import DataConfig
from cnncompare.data.identical import group_hashes, group_identical, hash_images
from cnncompare.data.resampling import describe_pool, draw_fold, holdout_seed, pool_images
from cnncompare.data.source import Source, Split
from cnncompare.data.sources.class_sizes import (
    check_split_limit,
    check_training_images,
    fraction_size,
    smallest_class,
    too_few_error,
)
from cnncompare.data.split_table import SplitRow, check_fit, read_split_table
from cnncompare.data.stratify import stratified_positions
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
    `limit_train` does not change the validation images. The source has a test split, if need be by
    `complete_source`. Raises DataError if a split would be too small.
    """
    assert source.test is not None
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


def complete_source(source: Source, config: DataConfig, workers: int) -> Source:
    """Return the source with the splits of `data.split`, or with a drawn test split if it has none.

    A fold or a hold-out is drawn from the images of all its splits. Together with a test split, a
    missing validation split is drawn. Images with identical pixels are in one split. Raises
    DataError for a table that does not fit the images and for classes with too few images.
    """
    if config.split is not None:
        return _complete_validation(_split_by_table(source, config.split), config, workers)
    if config.resamples:
        return _resample(source, config, workers)
    if source.test is None:
        return _draw_test(source, config, workers)
    if config.test_fraction != DataConfig.model_fields["test_fraction"].default:
        raise DataError(
            f"data.test_fraction={config.test_fraction:g} is for data without a test split; "
            f"data={config.name} has one of {len(source.test):,} images"
        )
    return source


def split_rows(source: Source) -> list[SplitRow]:
    """Return file, class and split of each image, by split and in the order of its images."""
    splits = {"train": source.train, "val": source.val, "test": source.test}
    return [
        SplitRow(name, source.classes[label], split)
        for split, images in splits.items()
        if images is not None
        for name, label in zip(images.names(), images.labels.tolist(), strict=True)
    ]


def _draw_test(source: Source, config: DataConfig, workers: int) -> Source:
    images, classes = source.train, source.classes
    assert images is not None
    groups = group_identical(images, config, workers)
    n_kept = 2 if _needs_validation(source, config) else 1  # different images for other splits
    _check_distinct(images.labels, groups, classes, 1 + n_kept)
    positions, rest = _draw(
        images.labels, classes, "test", config.test_fraction, config.split_seed, groups, n_kept
    )
    train, test, val = images.select(rest), images.select(positions), source.val
    if _needs_validation(source, config):
        train, val = _hold_out_validation(train, classes, config, groups[rest.numpy()])
    return replace(source, train=train, val=val, test=test)


def _resample(source: Source, config: DataConfig, workers: int) -> Source:
    images, classes = pool_images(source), source.classes
    hashes = hash_images(images, config, workers)
    groups = group_hashes(hashes)
    if config.fold is not None:
        positions, rest = draw_fold(images.labels, groups, classes, config)
    else:
        n_kept = 2 if config.protocol == "holdout" else 1
        _check_distinct(images.labels, groups, classes, 1 + n_kept)
        seed, fraction = holdout_seed(config), config.test_fraction
        positions, rest = _draw(images.labels, classes, "test", fraction, seed, groups, n_kept)
    train, val, test = images.select(rest), None, images.select(positions)
    if config.protocol == "holdout":
        train, val = _hold_out_validation(train, classes, config, groups[rest.numpy()])
    pool = describe_pool(images, source, config, hashes)
    return replace(source, train=train, val=val, test=test, pool=pool)


def _complete_validation(source: Source, config: DataConfig, workers: int) -> Source:
    if source.train is None or not _needs_validation(source, config):
        return source
    groups = group_identical(source.train, config, workers)
    train, val = _hold_out_validation(source.train, source.classes, config, groups)
    return replace(source, train=train, val=val)


def _needs_validation(source: Source, config: DataConfig) -> bool:
    return source.val is None and config.protocol == "holdout"


def _split_by_table(source: Source, path: str) -> Source:
    images = _all_images(source)
    names, labels = images.names(), [source.classes[label] for label in images.labels.tolist()]
    rows = read_split_table(path)
    check_fit(path, rows, names, labels)
    split_of_file = {row.file: row.split for row in rows}
    assigned = np.array([split_of_file[name] for name in names])
    splits = {
        split: images.select(torch.from_numpy((assigned == split).nonzero()[0]))
        for split in ("train", "val", "test")
    }
    for split, members in splits.items():
        missing = set(range(len(source.classes))) - set(members.labels.tolist())
        if missing and (len(members) or split != "val"):
            raise DataError(
                f"data.split={path} has no image of class {source.classes[min(missing)]!r} in the "
                f"{split} split; every split needs every class"
            )
    val = splits["val"] if len(splits["val"]) else None
    return replace(source, train=splits["train"], val=val, test=splits["test"])


def _all_images(source: Source) -> Split:
    """Return the images of all splits as one split, in the order of their rows."""
    splits = [split for split in (source.train, source.val, source.test) if split is not None]
    if any(split.images is not splits[0].images for split in splits):
        raise DataError(
            "data.split is for data whose images are in one set; these have fixed splits"
        )
    labels, rows = (torch.cat([getattr(s, name) for s in splits]) for name in ("labels", "rows"))
    order = rows.argsort()
    return replace(splits[0], labels=labels[order], rows=rows[order])


def _check_distinct(
    labels: Tensor, groups: NDArray[np.int64], classes: Sequence[str], needed: int
) -> None:
    """Raise DataError if a class has too few different images for the splits that are drawn."""
    counts = _count_labels(labels[torch.from_numpy(np.unique(groups))], classes)
    smallest, n = smallest_class(classes, counts)
    if n < needed:
        raise too_few_error(smallest, f"{n} different images", needed)


def _hold_out_validation(
    train: Split,
    classes: Sequence[str],
    config: DataConfig,
    groups: NDArray[np.int64] | None = None,
) -> tuple[Split, Split]:
    check_training_images(classes, _count_labels(train.labels, classes))
    positions, rest = _draw(
        train.labels, classes, "val", config.val_fraction, config.split_seed, groups
    )
    return train.select(rest), train.select(positions)


def _draw(
    labels: Tensor,
    classes: Sequence[str],
    split: str,
    fraction: float,
    seed: int,
    groups: NDArray[np.int64] | None,
    n_kept: int = 1,
) -> tuple[Tensor, Tensor]:
    """Draw a split of a fraction of the images; return its positions and the rest, ascending."""
    n = fraction_size(split, fraction, len(labels), len(classes))
    key = f"data.{split}_fraction={fraction:g}"
    positions, rest = stratified_positions(labels, n, seed, groups, n_kept)
    for kept, fault, size in (
        (rest, "takes every training", "smaller"),
        (positions, "takes no", "larger"),
    ):
        lost = set(range(len(classes))) - set(labels[kept].tolist())
        if lost:
            raise DataError(
                f"{key} {fault} image of class {classes[min(lost)]!r}; set a {size} fraction"
            )
    return positions, rest


def _count_labels(labels: Tensor, classes: Sequence[str]) -> list[int]:
    counts: list[int] = torch.bincount(labels, minlength=len(classes)).tolist()
    return counts


def _limit(split: Split, limit: int | None, name: str, seed: int) -> Split:
    if limit is None or limit == len(split):
        return split
    n_classes = int((torch.bincount(split.labels) > 0).sum())
    check_split_limit(name, limit, len(split), n_classes)
    return split.select(stratified_positions(split.labels, limit, seed)[0])
