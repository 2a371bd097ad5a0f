"""Check that every split of a data set has every class."""

from collections.abc import Collection, Mapping

from cnncompare.errors import DataError


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
