"""Usual spellings of the splits, and the check that every split has every class."""

import re
from collections.abc import Collection, Mapping

from cnncompare.errors import DataError

SPELLINGS = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing", "eval", "evaluation"),
}
"""Names of each split, in any letter case."""

_SPLIT_OF = {spelling: split for split, names in SPELLINGS.items() for spelling in names}


def split_of(name: str) -> str | None:
    """Return train, val or test for one of its spellings, or None."""
    return _SPLIT_OF.get(name.strip().lower())


def split_of_path(path: str) -> str | None:
    """Return the split that a file's name or, failing that, its folders are named after.

    `data/train-00000-of-00001.parquet` and `default/train/0000.parquet` belong to train.
    """
    for name in reversed(path.split("/")):
        for piece in re.split(r"[^A-Za-z]+", name):
            if split := split_of(piece):
                return split
    return None


def check_classes(origin: str, classes: Mapping[str, Collection[str]]) -> None:
    """Raise DataError unless training has two classes and every split the same ones.

    `classes` holds the class names that occur in each split; `origin` names the data in messages.
    """
    train = classes["train"]
    if len(train) < 2:
        found = ", ".join(map(repr, train)) or "none"
        raise DataError(f"{origin} has {len(train)} classes ({found}); at least 2 are needed")
    for split, names in classes.items():
        if unknown := sorted(set(names) - set(train)):
            raise DataError(
                f"{origin}: class {unknown[0]!r} is in the {split} split but not in the train "
                f"split; a network cannot predict a class without training images"
            )
        if missing := sorted(set(train) - set(names)):
            raise DataError(
                f"{origin}: class {missing[0]!r} is in the train split but not in the {split} "
                f"split; every split needs every class"
            )
