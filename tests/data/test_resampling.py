"""Folds and repeated hold-outs: scikit-learn's sizes, every image tested once, no leaks."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.model_selection import StratifiedKFold, StratifiedShuffleSplit

from cnncompare.config.compose import compose_config
from cnncompare.config.data import DataConfig
from cnncompare.data.batch_size import resolve_batch_size
from cnncompare.data.module import ImageData
from cnncompare.data.resampling import assign_folds
from cnncompare.data.source import Source, Split, full_split
from cnncompare.data.split import complete_source, split_source
from cnncompare.data.split_table import format_split_table
from cnncompare.errors import DataError
from tests.data.conftest import MakeData, MakeTree
from tests.data.sources import forms


def config(**changes: Any) -> DataConfig:
    return DataConfig(**({"name": "digits", "source": "digits"} | changes))


def unsplit_source(counts: list[int], copies: dict[int, int] | None = None) -> Source:
    """Return images of these class sizes; row `b` repeats row `a` for each a: b of `copies`."""
    labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    values = np.arange(len(labels))
    for row, original in (copies or {}).items():
        values[row] = original
    pixels = torch.from_numpy(np.stack([values % 256, values // 256], axis=1).astype(np.uint8))
    images = pixels.view(-1, 1, 1, 2)
    return Source(
        [f"class{i}" for i in range(len(counts))], (1, 1, 2), full_split(images, labels), None
    )


def folds_of(source: Source, n: int, **changes: Any) -> list[Source]:
    return [
        complete_source(source, config(folds=n, fold=fold, **changes), workers=0)
        for fold in range(1, n + 1)
    ]


@pytest.mark.parametrize("counts", [[60, 40], [103, 57, 29], [11, 300, 45, 10], [7] * 13])
@pytest.mark.parametrize("n", [2, 3, 5, 7])
def test_folds_have_the_class_sizes_of_scikit_learns(counts: list[int], n: int) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    ours = assign_folds(labels, np.arange(len(labels)), n, seed=4)
    table = np.array([np.bincount(labels[ours == f], minlength=len(counts)) for f in range(n)])
    splitter = StratifiedKFold(n, shuffle=True, random_state=0)
    theirs = [
        np.bincount(labels[test], minlength=len(counts))
        for _, test in splitter.split(labels, labels)
    ]
    np.testing.assert_array_equal(table, theirs)
    assert np.ptp(table.sum(axis=1)) <= 1


def test_labels_in_any_order_give_scikit_learns_class_sizes() -> None:
    labels = np.random.default_rng(0).choice(4, 501, p=[0.5, 0.3, 0.15, 0.05])
    ours = assign_folds(labels, np.arange(501), 5, seed=0)
    splitter = StratifiedKFold(5, shuffle=True, random_state=0)
    theirs = [np.bincount(labels[test]) for _, test in splitter.split(labels, labels)]
    table = np.array([np.bincount(labels[ours == fold]) for fold in range(5)])
    assert sorted(table.sum(axis=1)) == sorted(np.sum(theirs, axis=1))
    for label in range(4):
        assert sorted(table[:, label]) == sorted(np.array(theirs)[:, label])


def test_each_image_is_equally_likely_in_each_fold() -> None:
    labels = np.arange(30) % 3
    times = np.zeros((30, 5))
    for seed in range(2000):
        times[np.arange(30), assign_folds(labels, np.arange(30), 5, seed)] += 1
    # probability 1/5 each; 5 standard deviations of 2,000 draws
    assert np.abs(times / 2000 - 0.2).max() < 5 * (0.2 * 0.8 / 2000) ** 0.5


@pytest.mark.parametrize("seed", range(10))
def test_identical_images_are_in_one_fold_and_every_fold_has_every_class(seed: int) -> None:
    draws = np.random.default_rng(seed)
    sizes = [1] * 100 + [2] * 20 + [5] * 4 + [20, 9]
    groups = draws.permutation(np.repeat(np.arange(len(sizes)), sizes))
    labels = groups % 2
    fold_of = assign_folds(labels, groups, 5, seed)
    for group in range(len(sizes)):
        assert len(set(fold_of[groups == group])) == 1
    table = np.array([np.bincount(labels[fold_of == f], minlength=2) for f in range(5)])
    assert np.ptp(table, axis=0).max() <= 1  # the small groups make up for the large ones


def test_a_class_of_as_many_groups_as_folds_is_in_each_of_them() -> None:
    labels = np.repeat([0, 1], [5, 20])
    groups = np.array([0, 0, 0, 3, 4, *range(5, 25)])  # three images, two of them copies
    fold_of = assign_folds(labels, groups, 3, seed=0)
    assert sorted(np.bincount(fold_of[:5])) == [1, 1, 3]


@pytest.mark.parametrize("n", [2, 3, 5])
def test_each_image_is_tested_once_and_is_never_in_two_splits(n: int) -> None:
    tested = []
    for source in folds_of(unsplit_source([61, 40]), n):
        splits = [source.train, source.val, source.test]
        rows = [row for split in splits if split for row in split.rows.tolist()]
        assert sorted(rows) == list(range(101))
        assert source.test is not None
        assert source.pool is not None
        assert source.pool.positions(source.test).tolist() == source.test.rows.tolist()
        tested += source.test.rows.tolist()
    assert sorted(tested) == list(range(101))


def test_copies_of_a_test_image_are_not_in_training_or_validation() -> None:
    copies = {row: row - 1 for row in range(1, 100, 4)}
    for source in folds_of(unsplit_source([50, 50], copies), 5):
        side: dict[int, str] = {}
        for name in ("train", "val", "test"):
            side |= dict.fromkeys(getattr(source, name).rows.tolist(), name)
        for row, original in copies.items():
            assert side[row] == side[original]


def test_folds_depend_on_the_split_seed_alone() -> None:
    source = unsplit_source([50, 30])
    rows = [
        folds_of(source, 3, split_seed=seed, image_size=size)[0].test.rows.tolist()
        for seed, size in ((0, None), (0, 16), (1, None))
    ]
    assert rows[0] == rows[1] != rows[2]


def test_the_pool_is_all_images_of_all_splits() -> None:
    def split(n: int, first: int) -> Split:
        pixels = torch.arange(first, first + n, dtype=torch.uint8).view(-1, 1, 1, 1)
        return full_split(pixels, torch.arange(n) % 2)

    source = Source(
        ["a", "b"], (1, 1, 1), train=split(40, 0), val=split(10, 40), test=split(20, 50)
    )
    tested = []
    for fold in folds_of(source, 5):
        assert fold.test is not None
        assert isinstance(fold.test.images, torch.Tensor)
        tested += fold.test.images[fold.test.rows].flatten().tolist()
        assert fold.val is not None
        assert len(fold.val) == 6  # a tenth of the 56 other images, not the data set's own
    assert sorted(tested) == list(range(70))


@pytest.mark.parametrize("counts", [[60, 40], [103, 57, 29], [11, 300, 45, 10]])
@pytest.mark.parametrize("fraction", [0.1, 0.25])
def test_holdouts_have_scikit_learns_proportions_and_differ(
    counts: list[int], fraction: float
) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    n_test = round(fraction * len(labels))
    splitter = StratifiedShuffleSplit(4, test_size=n_test, random_state=0)
    drawn = set()
    for number, (_, test) in enumerate(splitter.split(labels, labels), start=1):
        settings = config(holdout=number, test_fraction=fraction, val_fraction=0.2)
        done = complete_source(unsplit_source(counts), settings, workers=0)
        assert done.test is not None
        ours = np.bincount(done.test.labels, minlength=len(counts))
        assert ours.sum() == n_test
        assert np.abs(ours - np.bincount(labels[test], minlength=len(counts))).max() <= 1
        drawn.add(tuple(done.test.rows.tolist()))
        splits = (done.train, done.val, done.test)
        assert sorted(r for s in splits if s for r in s.rows.tolist()) == list(range(len(labels)))
    assert len(drawn) == 4


def test_images_are_tested_independently_in_each_holdout() -> None:
    """The number of an image's tests in 200 hold-outs is binomial."""
    source, times = unsplit_source([40, 40]), np.zeros(80)
    for number in range(1, 201):
        done = complete_source(source, config(holdout=number, test_fraction=0.25), workers=0)
        assert done.test is not None
        times[done.test.rows.numpy()] += 1
    assert times.mean() == 50
    assert np.abs(times - 50).max() < 5 * (200 * 0.25 * 0.75) ** 0.5
    assert times.std() == pytest.approx((200 * 0.25 * 0.75) ** 0.5, rel=0.3)


@pytest.mark.parametrize(
    ("counts", "changes", "message"),
    [
        (
            [50, 4],
            {"folds": 5, "fold": 1},
            r"class 'class1' has 4 different images, too few for 5 f",
        ),
        (
            [50, 1],
            {"folds": 2, "fold": 1},
            r"has 1 different image, too few for 2 folds, .*; add im",
        ),
        ([50, 2], {"folds": 2, "fold": 2}, r"class 'class1' has 1 training image, too few to hold"),
        (
            [50, 2],
            {"holdout": 1},
            r"class 'class1' has 2 different images, too few for training, v",
        ),
    ],
)
def test_a_class_with_too_few_images_is_named(
    counts: list[int], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        complete_source(unsplit_source(counts), config(**changes), workers=0)


def test_copies_do_not_make_a_class_large_enough() -> None:
    source = unsplit_source([50, 6], {51: 50, 53: 52, 55: 54})
    with pytest.raises(DataError, match=r"'class1' has 3 different images, .* at most 3 folds"):
        folds_of(source, 5)


def test_digits_are_all_tested_with_the_same_batch_size() -> None:
    tested, sizes, pools = [], set(), set()
    for fold in range(1, 6):
        overrides = ["data=digits", "data.folds=5", f"data.fold={fold}"]
        data = ImageData(compose_config(overrides).data, seed=0)
        data.prepare()
        assert data.pool is not None
        assert data.pool_positions is not None
        assert data.count_leaks() == 0
        tested += data.pool_positions.tolist()
        sizes.add(data.batch_size)
        pools.add(data.pool.fingerprint)
        assert len(data.pool) == 1797
    assert sorted(tested) == list(range(1797))
    assert len(sizes) == len(pools) == 1


def test_a_limit_leaves_positions_of_all_images() -> None:
    data = ImageData(config(folds=3, fold=2, limit_test=30), seed=0)
    data.prepare()
    whole = ImageData(config(folds=3, fold=2), seed=0)
    whole.prepare()
    assert data.pool_positions is not None
    assert whole.pool_positions is not None
    assert len(data.pool_positions) == 30
    assert set(data.pool_positions.tolist()) < set(whole.pool_positions.tolist())


def test_folds_of_almost_ten_steps_share_an_automatic_batch_size() -> None:
    sizes = {resolve_batch_size("auto", n, n_expected=1280) for n in (1278, 1279, 1280, 1281)}
    assert sizes == {128}
    assert resolve_batch_size("auto", 1279) == 64


def test_a_fold_given_back_as_a_table_is_the_same_split(
    tmp_path: Path, make_tree: MakeTree
) -> None:
    root = make_tree({"cat": [(8, 8)] * 12, "dog": [(8, 8)] * 9})
    common: dict[str, Any] = {"name": "folder", "source": "folder", "root": str(root), "workers": 0}
    common |= {"cache_dir": str(tmp_path / "cache"), "batch_size": 4, "val_fraction": 0.2}
    fold = ImageData(DataConfig(**common, folds=3, fold=2), seed=0)
    fold.prepare()
    assert fold.split_rows is not None
    (tmp_path / "split.csv").write_bytes(format_split_table(fold.split_rows))
    again = ImageData(DataConfig(**common, split=str(tmp_path / "split.csv")), seed=0)
    again.prepare()
    assert again.fingerprint == fold.fingerprint
    for name in ("train", "val", "test"):
        ours, theirs = (getattr(data._splits, name).rows.tolist() for data in (fold, again))
        assert ours == theirs


def test_folds_are_the_same_in_every_form(tmp_path: Path) -> None:
    photos = forms.draw_photos(n_train=9, n_test=6)
    forms.write_split_folders(photos, tmp_path / "split")
    forms.write_labelled_folder(photos, tmp_path / "table")
    forms.write_npz(photos, tmp_path / "set.npz")
    forms.write_parquet(photos, tmp_path / "parquet")
    common: dict[str, Any] = {"name": "pets", "cache_dir": str(tmp_path / "cache"), "workers": 0}
    common |= {"folds": 3, "batch_size": 4, "val_fraction": 0.2}
    sources: list[dict[str, Any]] = [
        {"source": "folder", "root": str(tmp_path / "split")},
        {"source": "folder", "root": str(tmp_path / "table"), "labels": "labels.csv"},
        {"source": "arrays", "root": str(tmp_path / "set.npz")},
        {"source": "parquet", "root": str(tmp_path / "parquet")},
    ]
    for fold in (1, 2, 3):
        found = set()
        for source in sources:
            data = ImageData(DataConfig(**common, **source, fold=fold), seed=0)
            data.prepare()
            assert data.pool is not None
            assert data.pool_positions is not None
            positions = tuple(data.pool_positions.tolist())
            found.add((data.pool.fingerprint, positions, data.fingerprint, data.mean))
        assert len(found) == 1


def test_a_fold_of_class_folders_is_drawn_from_all_of_them(
    make_tree: MakeTree, folder_data: MakeData
) -> None:
    sizes = {"train": 8, "valid": 4, "test": 3}
    root = make_tree({f"{s}/{kind}": [(8, 8)] * n for s, n in sizes.items() for kind in "ab"})
    data = [folder_data(root, folds=5, fold=fold, val_fraction=0.2) for fold in range(1, 6)]
    assert [each.n_test for each in data] == [6] * 5
    assert len({each.test_image_name(i) for each in data for i in range(6)}) == 30


def test_split_source_limits_a_fold() -> None:
    source = folds_of(unsplit_source([60, 40]), 5)[0]
    splits = split_source(source, config(folds=5, fold=1, limit_train=20))
    assert splits.train is not None
    assert len(splits.train) == 20
    assert len(splits.test) == 20


def test_with_test_as_val_the_fold_selects_the_epoch() -> None:
    source = folds_of(unsplit_source([60, 40]), 5, protocol="test_as_val")[0]
    assert source.val is None
    assert source.train is not None
    assert len(source.train) == 80
