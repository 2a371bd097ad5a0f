import pytest

from cnncompare.data.batch_size import resolve_batch_size
from cnncompare.errors import DataError
from tests.data.conftest import MakeData


@pytest.mark.parametrize(
    ("n_train", "expected"),
    [(2560, 128), (1280, 128), (1279, 64), (216, 16), (40, 4), (20, 2), (19, 2), (2, 2)],
)
def test_the_automatic_batch_leaves_ten_steps(n_train: int, expected: int) -> None:
    """The largest power of two up to 128 with at least ten steps per epoch, at least two images."""
    assert resolve_batch_size("auto", n_train) == expected


def test_without_training_the_automatic_batch_is_the_largest() -> None:
    assert resolve_batch_size("auto", None) == 128


def test_a_batch_larger_than_the_training_split_is_refused(synthetic_data: MakeData) -> None:
    with pytest.raises(DataError, match=r"data\.batch_size=300 is larger than the training split"):
        synthetic_data(n_train=200, batch_size=300)
