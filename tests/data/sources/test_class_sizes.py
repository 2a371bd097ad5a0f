"""Numbers of images per class that splits and folds need."""

from pathlib import Path

import pytest

from cnncompare.config.data import DataConfig
from cnncompare.data.sources.class_sizes import ClassSizes, check_class_sizes
from cnncompare.errors import DataError


def config(**changes: object) -> DataConfig:
    return DataConfig.model_validate({"name": "digits", "source": "digits"} | changes)


def sizes(**counts: list[int]) -> ClassSizes:
    return ClassSizes(["cat", "dog"], counts)


@pytest.mark.parametrize(
    ("counts", "settings", "message"),
    [
        ({"train": [9, 2]}, {}, "2 images, too few for training, validation and test"),
        ({"train": [9, 2], "val": [1, 1]}, {"protocol": "test_as_val"}, None),
        ({"train": [9, 1], "val": [9, 9]}, {}, "1 image, too few for training and test"),
        ({"train": [9, 1], "test": [9, 9]}, {}, "1 training image, too few to hold one out"),
        ({"train": [9, 1], "val": [1, 1], "test": [1, 1]}, {}, None),
        ({"train": [9, 3]}, {"folds": 5, "fold": 1}, "3 images, too few for 5 folds"),
        ({"train": [9, 3], "test": [9, 2]}, {"folds": 5, "fold": 1}, None),
        ({"train": [9, 1], "test": [9, 1]}, {"holdout": 1}, "2 images, too few for training, val"),
        ({"train": [9, 2], "test": [9, 1]}, {"holdout": 1}, None),
    ],
)
def test_each_draw_needs_its_images(
    counts: dict[str, list[int]], settings: dict[str, object], message: str | None
) -> None:
    if message is None:
        check_class_sizes(sizes(**counts), config(**settings))
        return
    with pytest.raises(DataError, match=f"class 'dog' has {message}"):
        check_class_sizes(sizes(**counts), config(**settings))


def test_a_split_table_needs_no_count(tmp_path: Path) -> None:
    (tmp_path / "split.csv").write_text("file,split\n")
    check_class_sizes(sizes(train=[9, 1]), config(split=str(tmp_path / "split.csv")))
