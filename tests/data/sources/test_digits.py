"""The built-in digits, compared with scikit-learn's arrays."""

from typing import Any

import numpy as np
import torch
from sklearn import datasets

from cnncompare.data.sources.digits import load_digits


def test_every_image_of_scikit_learn_is_in_exactly_one_split() -> None:
    source = load_digits()
    bunch = datasets.load_digits()
    expected = np.rint(bunch.images * 255 / 16).astype(np.uint8)
    rows = torch.cat([source.train.rows, source.test.rows])
    assert sorted(rows.tolist()) == list(range(1797))
    splits: list[Any] = [source.train, source.test]
    assert [len(split) for split in splits] == [1437, 360]
    for split in splits:
        assert split.images.dtype == torch.uint8
        np.testing.assert_array_equal(split.images[split.rows][:, 0].numpy(), expected[split.rows])
        np.testing.assert_array_equal(split.labels.numpy(), bunch.target[split.rows])


def test_the_test_split_is_stratified() -> None:
    source = load_digits()
    every = np.bincount(datasets.load_digits().target)
    tested = np.bincount(source.test.labels.numpy())
    assert np.abs(tested - every * 360 / 1797).max() <= 1


def test_the_test_split_is_always_the_same() -> None:
    # written down once: a change here would make old and new results incomparable
    assert load_digits().test.rows[:10].tolist() == [2, 12, 20, 28, 44, 53, 60, 68, 72, 77]
