"""Name the classes of labels, and check that every split has every class."""

import logging
from collections.abc import Collection, Mapping, Sequence

from cnncompare.errors import DataError

log = logging.getLogger(__name__)


def name_classes(
    values: Sequence[int | str], names: Sequence[str] | None, origin: str
) -> list[str]:
    """Return the class names of the different labels `values`, which ascend.

    Strings are names themselves; the number i is `names[i]`, or without names the number itself.
    Names of no label are left out. Raises DataError if a name is missing or occurs twice; `origin`
    stands for the data in messages.
    """
    if names is None or isinstance(values[0], str):
        return [str(value) for value in values]
    numbers = [int(value) for value in values]
    if numbers[-1] >= len(names) or len(set(names)) < len(names):
        raise DataError(
            f"{origin} has {len(set(names))} different class names, but labels up to "
            f"{numbers[-1]}, which need {numbers[-1] + 1} names"
        )
    if len(numbers) < len(names):
        log.warning("%s: %d class names have no image", origin, len(names) - len(numbers))
    return [names[number] for number in numbers]


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
