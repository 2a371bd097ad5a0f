"""Splits: stratified, seeded by split_seed only, and rejected if impossible."""

from typing import Any

import numpy as np
import pytest
import torch

from cnncompare.config.data import DataConfig
from cnncompare.data.source import Source, Split, full_split
from cnncompare.data.split import split_source, stratified_positions
from cnncompare.errors import DataError


def source_of(train_counts: list[int], test_counts: list[int]) -> Source:
    def split(counts: list[int]) -> Split:
        labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
        return full_split(torch.arange(len(labels), dtype=torch.uint8).view(-1, 1, 1, 1), labels)

    classes = [f"class{number}" for number in range(len(train_counts))]
    return Source(classes, (1, 1, 1), split(train_counts), split(test_counts))


def config(**changes: Any) -> DataConfig:
    return DataConfig(**({"name": "digits", "source": "digits"} | changes))


@pytest.mark.parametrize("n", [10, 17, 500, 990, 995, 999, 1000])
def test_stratified_positions_have_the_shares_and_lose_nothing(n: int) -> None:
    labels = torch.arange(1000) % 10
    chosen, rest = stratified_positions(labels, n, seed=3)
    assert sorted(chosen.tolist() + rest.tolist()) == list(range(1000))
    assert len(chosen) == n
    counts = np.bincount(labels[chosen], minlength=10)
    assert np.abs(counts - n / 10).max() < 1


def test_stratified_positions_follow_unequal_classes_and_keep_each() -> None:
    labels = torch.repeat_interleave(torch.arange(4), torch.tensor([700, 250, 49, 1]))
    chosen, _ = stratified_positions(labels, 100, seed=0)
    counts = np.bincount(labels[chosen], minlength=4)
    assert np.abs(counts - [70, 25, 4.9, 1]).max() <= 1
    assert counts[3] == 1


def test_stratified_positions_are_uniform_within_a_class() -> None:
    labels = torch.arange(40) % 2
    times = np.zeros(40)
    for seed in range(2000):
        times[stratified_positions(labels, 10, seed)[0]] += 1
    # each position is chosen with probability 1/4; 5 standard deviations of 2,000 draws
    assert np.abs(times / 2000 - 0.25).max() < 5 * (0.25 * 0.75 / 2000) ** 0.5


def test_validation_images_are_held_out_from_training() -> None:
    splits = split_source(source_of([100, 50], [20, 10]), config(val_fraction=0.2))
    assert np.bincount(splits.train.labels).tolist() == [80, 40]
    assert np.bincount(splits.val.labels).tolist() == [20, 10]
    assert not set(splits.train.rows.tolist()) & set(splits.val.rows.tolist())
    assert len(splits.test) == 30


def test_the_split_changes_with_its_seed_alone() -> None:
    source = source_of([100, 50], [20, 10])
    rows = [split_source(source, config(split_seed=seed)).val.rows.tolist() for seed in (0, 0, 1)]
    assert rows[0] == rows[1] != rows[2]


def test_limits_take_stratified_subsets_and_leave_validation_alone() -> None:
    source = source_of([100, 50], [20, 10])
    limited = split_source(source, config(limit_train=30, limit_test=15))
    assert np.bincount(limited.train.labels).tolist() == [20, 10]
    assert np.bincount(limited.test.labels).tolist() == [10, 5]
    assert torch.equal(limited.val.rows, split_source(source, config()).val.rows)
    assert set(limited.train.rows.tolist()) < set(
        split_source(source, config()).train.rows.tolist()
    )


def test_test_as_val_chooses_on_the_test_set_and_trains_on_everything() -> None:
    splits = split_source(source_of([100, 50], [20, 10]), config(protocol="test_as_val"))
    assert splits.train is not None
    assert len(splits.train) == 150
    assert splits.val is splits.test


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"limit_train": 136}, r"data.limit_train=136 exceeds the 135 images"),
        ({"limit_val": 1}, r"data.limit_val=1 is fewer than the 2 classes"),
        ({"limit_test": 31}, r"data.limit_test=31 exceeds the 30 images"),
        ({"val_fraction": 0.005}, r"data.val_fraction=0.005 of 150 .* is 1; .* 2 classes"),
        ({"val_fraction": 0.999}, r"data.val_fraction=0.999 of 150 .* is 150"),
    ],
)
def test_limits_out_of_range_are_rejected(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        split_source(source_of([100, 50], [20, 10]), config(**changes))


def test_a_class_with_one_training_image_is_named() -> None:
    with pytest.raises(DataError, match=r"class 'class1' has 1 training image"):
        split_source(source_of([100, 1], [5, 5]), config())
