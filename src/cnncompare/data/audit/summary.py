"""Results of an audit in numbers, as `cnncompare data --json` prints them."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from cnncompare.data.audit.audit import Audit
from cnncompare.data.audit.duplicates import Pair


def summarize(audit: Audit) -> dict[str, Any]:
    """Return the content of the JSON output; every number is a number of images.

    `n` and `per_class` include unreadable files. A list of pairs has the names of each repeated
    image and of its repetition; null stands for what was not measured.
    """
    found = audit.duplicates
    pairs = {
        "identical_within": found.identical_within,
        "identical_between_splits": found.identical_between,
        "near_within": found.near_within,
        "near_between_splits": found.near_between,
    }
    readable = [image.properties for image in audit.images if not image.properties.error]
    return {
        "name": audit.name,
        "classes": len(audit.classes),
        "splits": {name: _count_split(audit, name) for name in audit.sizes},
        **{key: None if found is None else len(found) for key, found in pairs.items()},
        "identical_with_other_class": _count_other_class(audit),
        "test_images_in_train": _count_in_train(audit, found.identical_between),
        "test_images_near_train": _count_in_train(audit, found.near_between),
        "unreadable": [image.name for image in audit.images if image.properties.error],
        "imbalance": _imbalance(audit),
        "sizes": _count_values([f"{image.width}x{image.height}" for image in readable]),
        "modes": _count_values([image.mode for image in readable]),
        "ignored_files": audit.ignored_files,
        "pairs": {key: _named(audit, found) for key, found in pairs.items()},
    }


def _count_split(audit: Audit, split: str) -> dict[str, Any] | None:
    if audit.sizes[split] is None:
        return None
    counts = Counter(image.label for image in audit.images if image.split == split)
    return {
        "n": audit.sizes[split],
        "per_class": {name: counts[label] for label, name in enumerate(audit.classes)},
    }


def _imbalance(audit: Audit) -> float | None:
    """Return the number of images of the largest class over that of the smallest, in training.

    A data set for tests only is measured by its test split; a class without images gives None.
    """
    split = "test" if audit.sizes["train"] is None else "train"
    counts = Counter(image.label for image in audit.images if image.split == split)
    smallest = min(counts[label] for label in range(len(audit.classes)))
    return max(counts.values()) / smallest if smallest else None


def _count_other_class(audit: Audit) -> int:
    pairs = audit.duplicates.identical_within + audit.duplicates.identical_between
    labels = ((audit.images[first].label, audit.images[second].label) for first, second in pairs)
    return sum(first != second for first, second in labels)


def _count_in_train(audit: Audit, pairs: Sequence[Pair] | None) -> int | None:
    if pairs is None or audit.sizes["train"] is None:
        return None
    splits = [(audit.images[first].split, audit.images[second].split) for first, second in pairs]
    return splits.count(("train", "test"))


def _count_values(values: Sequence[str]) -> dict[str, int]:
    """Return the number of each value, the most frequent first."""
    return dict(Counter(values).most_common())


def _named(audit: Audit, pairs: Sequence[Pair] | None) -> list[list[str]] | None:
    if pairs is None:
        return None
    return [[audit.images[first].name, audit.images[second].name] for first, second in pairs]
