"""The embedded digits, beside scikit-learn's own arrays."""

from typing import Any

import numpy as np
import torch
from sklearn import datasets

from cnncompare.data.sources.digits import load_digits


def test_every_image_of_scikit_learn_is_in_exactly_one_part() -> None:
    source = load_digits()
    bunch = datasets.load_digits()
    expected = np.rint(bunch.images * 255 / 16).astype(np.uint8)
    rows = torch.cat([source.train.rows, source.test.rows])
    assert sorted(rows.tolist()) == list(range(1797))
    parts: list[Any] = [source.train, source.test]
    assert [len(part) for part in parts] == [1437, 360]
    for part in parts:
        assert part.images.dtype == torch.uint8
        np.testing.assert_array_equal(part.images[part.rows][:, 0].numpy(), expected[part.rows])
        np.testing.assert_array_equal(part.labels.numpy(), bunch.target[part.rows])


def test_the_test_part_has_the_shares_of_the_classes() -> None:
    source = load_digits()
    every = np.bincount(datasets.load_digits().target)
    tested = np.bincount(source.test.labels.numpy())
    assert np.abs(tested - every * 360 / 1797).max() <= 1


def test_the_test_part_is_always_the_same() -> None:
    # written down once: a change here would make old and new results incomparable
    assert load_digits().test.rows[:10].tolist() == [2, 12, 20, 28, 44, 53, 60, 68, 72, 77]
