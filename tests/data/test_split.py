"""Splits: stratified, seeded by split_seed only, and rejected if impossible."""

import hashlib
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.model_selection import StratifiedShuffleSplit

from cnncompare.config.data import DataConfig
from cnncompare.data.source import Source, Split, full_split
from cnncompare.data.split import complete_source, split_source
from cnncompare.data.stratify import stratified_positions
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


def unsplit_source(counts: list[int], values: list[int] | None = None) -> Source:
    """Return a source without a test split, whose images have one pixel each."""
    labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    pixels = torch.tensor(values or range(len(labels)), dtype=torch.int64)
    images = torch.stack([pixels // 256, pixels % 256], 1).to(torch.uint8).view(-1, 1, 1, 2)
    classes = [f"class{number}" for number in range(len(counts))]
    return Source(classes, (1, 1, 2), full_split(images, labels), None)


@pytest.mark.parametrize("counts", [[100, 100], [300, 100, 37], [700, 250, 49, 8], [11] * 13])
@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.5])
def test_a_drawn_test_split_has_scikit_learns_proportions(
    counts: list[int], fraction: float
) -> None:
    source = unsplit_source(counts)
    labels = source.train.labels.numpy()
    n_test = round(fraction * len(labels))
    if n_test < len(counts):
        pytest.skip("scikit-learn needs one image of each class as well")
    done = complete_source(source, config(test_fraction=fraction, val_fraction=0.3), workers=0)
    splitter = StratifiedShuffleSplit(1, test_size=n_test, random_state=0)
    _, test = next(splitter.split(labels, labels))
    ours = np.bincount(done.test.labels, minlength=len(counts))
    theirs = np.bincount(labels[test], minlength=len(counts))
    assert np.abs(ours - theirs).max() <= 1
    assert ours.sum() == theirs.sum() == n_test
    assert np.abs(ours - fraction * np.array(counts)).max() <= 1


def test_drawn_splits_are_disjoint_and_complete() -> None:
    done = complete_source(unsplit_source([60, 40]), config(val_fraction=0.25), workers=0)
    rows = [split.rows.tolist() for split in (done.train, done.val, done.test)]
    assert sorted(row for split in rows for row in split) == list(range(100))
    assert [len(split) for split in rows] == [60, 20, 20]
    assert [np.bincount(split.labels).tolist() for split in (done.train, done.val, done.test)] == [
        [36, 24],
        [12, 8],
        [12, 8],
    ]


@pytest.mark.parametrize("seed", range(20))
def test_groups_stay_together_and_shares_are_kept(seed: int) -> None:
    """Groups of up to 30 identical images among 400 of two classes."""
    draws = np.random.default_rng(seed)
    sizes = [1] * 200 + [2] * 40 + [5] * 6 + [30, 30, 30]
    values = np.repeat(np.arange(len(sizes)), sizes)[:400]
    groups = draws.permutation(values)
    labels = torch.from_numpy(groups % 2)
    chosen, rest = stratified_positions(labels, 80, seed, groups)
    assert not set(groups[chosen].tolist()) & set(groups[rest].tolist())
    assert len(chosen) == 80
    expected = np.bincount(labels) * 0.2
    assert np.abs(np.bincount(labels[chosen]) - expected).max() <= 2


def test_a_class_of_one_large_group_and_few_others_is_in_every_split() -> None:
    source = unsplit_source([50, 50], [0] * 47 + list(range(1, 54)))
    done = complete_source(source, config(val_fraction=0.2), workers=0)
    for split in (done.train, done.val, done.test):
        assert set(split.labels.tolist()) == {0, 1}
    large = [split for split in (done.train, done.val, done.test) if 0 in split.rows.tolist()]
    assert len(large) == 1
    assert set(range(47)) <= set(large[0].rows.tolist())


@pytest.mark.parametrize(
    ("counts", "changes", "message"),
    [
        ([50, 2], {}, r"class 'class1' has 2 different images, too few for training, validation"),
        ([50, 1], {"protocol": "test_as_val"}, r"class1' has 1 different images, .*ing and test,"),
        ([5] * 10, {"test_fraction": 0.1}, r"data.test_fraction=0.1 of 50 images is 5; .* 10 cl"),
        ([5] * 10, {"test_fraction": 0.9}, r"data.test_fraction=0.9 of 50 images is 45; .* 10 cl"),
        ([5] * 10, {}, r"data.val_fraction=0.1 of 40 training images is 4; .* 10 classes"),
    ],
)
def test_too_few_images_for_drawn_splits_are_named(
    counts: list[int], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        complete_source(unsplit_source(counts), config(**changes), workers=0)


def test_without_duplicates_the_groups_change_nothing() -> None:
    labels = torch.from_numpy(np.random.default_rng(0).integers(0, 7, 500))
    alone = stratified_positions(labels, 123, 5)
    grouped = stratified_positions(labels, 123, 5, np.arange(500))
    assert torch.equal(alone[0], grouped[0])
    # the positions that version 0.2.0 drew
    digest = hashlib.sha256(alone[0].numpy().tobytes()).hexdigest()
    assert digest[:16] == "96f3a083ba7bcc52"
