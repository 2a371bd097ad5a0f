import numpy as np
import pytest
from sklearn.metrics import confusion_matrix as sklearn_confusion_matrix

from cnncompare.stats.confusion import confusion_matrix


@pytest.mark.parametrize("classes", [2, 10, 200])
def test_counts_agree_with_scikit_learn(classes: int) -> None:
    label, predicted = np.random.default_rng(0).integers(classes, size=(2, 1000)).astype(np.int16)
    expected = sklearn_confusion_matrix(label, predicted, labels=range(classes))
    assert (confusion_matrix(label, predicted, classes) == expected).all()


def test_an_undecoded_image_is_not_counted() -> None:
    label, predicted = np.array([0, 1, 1], np.int16), np.array([0, -1, 0], np.int16)
    assert confusion_matrix(label, predicted, 2).tolist() == [[1, 0], [1, 0]]


def test_no_images_give_zeros() -> None:
    none = np.array([], np.int16)
    assert confusion_matrix(none, none, 3).tolist() == [[0, 0, 0]] * 3
