"""Labels and class names in NumPy arrays; without torch."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnncompare.data.sources.class_coverage import check_classes, name_classes
from cnncompare.data.sources.class_sizes import ClassSizes
from cnncompare.data.sources.stored_arrays import ArraySet, StoredArray
from cnncompare.errors import DataError


def read_labels(found: ArraySet, origin: str) -> tuple[list[str], dict[str, NDArray[np.int64]]]:
    """Return the class names and the class numbers of each split, int64 [N].

    Raises DataError for missing labels or names and for splits of different classes; `origin` names
    the data in messages.
    """
    labels = {split: _load_labels(arrays.labels) for split, arrays in found.splits.items()}
    classes, numbers = _number_classes(labels, found.classes)
    names = {split: {classes[i] for i in np.unique(values)} for split, values in numbers.items()}
    check_classes(origin, names)
    return classes, numbers


def count_array_labels(found: ArraySet, origin: str) -> ClassSizes:
    """Return the number of images of each class. Raises DataError like `read_labels`."""
    classes, numbers = read_labels(found, origin)
    counts = {
        split: np.bincount(values, minlength=len(classes)).tolist()
        for split, values in numbers.items()
    }
    return ClassSizes(classes, counts)


def _load_labels(stored: StoredArray) -> NDArray[Any]:
    """Return int64 or str [N]. Raises DataError for an empty string or a negative number."""
    labels = stored.load().reshape(-1)
    if labels.dtype.kind == "S":
        try:
            labels = np.char.decode(labels, "utf-8")
        except UnicodeDecodeError:
            raise DataError(f"{stored} has labels that are not UTF-8 text") from None
    without = labels == "" if labels.dtype.kind == "U" else labels < 0
    if without.any():
        row = int(without.argmax())
        raise DataError(
            f"{stored} has no label for {int(without.sum())} of {len(labels)} images; the first is "
            f"{str(labels[row])!r} at index {row}"
        )
    return labels if labels.dtype.kind == "U" else labels.astype(np.int64)


def _number_classes(
    labels: dict[str, NDArray[Any]], stored_names: StoredArray | None
) -> tuple[list[str], dict[str, NDArray[np.int64]]]:
    """Return the class names and, for each split, the positions of its labels among them."""
    values = np.unique(np.concatenate(list(labels.values())))
    names = None if stored_names is None else [str(x) for x in stored_names.load().reshape(-1)]
    classes = name_classes(values.tolist(), names, str(stored_names))
    return classes, {split: np.searchsorted(values, array) for split, array in labels.items()}
