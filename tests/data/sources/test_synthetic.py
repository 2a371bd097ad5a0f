"""The synthetic images: seeded, balanced, and learnable by an independent classifier."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from cnncompare.config.data import SyntheticConfig
from cnncompare.data.sources.synthetic import load_synthetic
from cnncompare.errors import DataError


def test_images_are_the_same_every_time_and_balanced() -> None:
    first: Any = load_synthetic(SyntheticConfig())
    again: Any = load_synthetic(SyntheticConfig())
    assert torch.equal(first.train.images, again.train.images)
    assert np.bincount(first.train.labels).tolist() == [100] * 10
    assert np.bincount(first.test.labels).tolist() == [20] * 10
    assert not set(first.train.rows.tolist()) & set(first.test.rows.tolist())


def test_a_linear_classifier_learns_them() -> None:
    source = load_synthetic(SyntheticConfig(classes=10, n_train=500, n_test=200))
    flat = source.train.images[:, :, ::4, ::4].flatten(1).numpy() / 255
    model = LogisticRegression(max_iter=200).fit(flat[source.train.rows], source.train.labels)
    assert model.score(flat[source.test.rows], source.test.labels) > 0.95


def test_fewer_images_than_classes_are_rejected() -> None:
    with pytest.raises(DataError, match=r"data.synthetic.n_test=9 is fewer than the 10 classes"):
        load_synthetic(SyntheticConfig(classes=10, n_train=20, n_test=9))
