"""Check that every class has enough images for the splits or folds drawn; without torch."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cnncompare.config.data import DataConfig
from cnncompare.data.batch_size import resolve_batch_size
from cnncompare.errors import DataError


class ClassSizes(NamedTuple):
    """The number of images of each class in each split that the data set defines.

    `counts` maps train, val and test to one number per class, in the order of `classes`. Without
    test images of its own, it has no key "test".
    """

    classes: Sequence[str]
    counts: Mapping[str, Sequence[int]]


def check_class_sizes(sizes: ClassSizes, config: DataConfig) -> None:
    """Raise DataError if a class has too few images for the folds or for the splits drawn.

    Identical images, which can leave fewer different ones, are not looked for.
    """
    if config.split is not None:
        return  # the table assigns every image
    classes, counts = sizes
    if config.folds is not None:
        check_fold_sizes(classes, _totals(sizes), config.folds)
    elif config.holdout is not None:
        _check_drawn(classes, _totals(sizes), 3 if config.protocol == "holdout" else 2)
    elif "test" not in counts:
        draws_val = config.protocol == "holdout" and "val" not in counts
        _check_drawn(classes, counts["train"], 3 if draws_val else 2)
    elif config.protocol == "holdout" and "val" not in counts:
        check_training_images(classes, counts["train"])


def check_split_sizes(sizes: ClassSizes, config: DataConfig) -> None:
    """Raise DataError for a fraction, limit or batch size that a training split is too small for.

    Splits of a table and of folds, and those of other protocols, are checked when they are drawn.
    """
    if config.split is not None or config.resamples or config.protocol != "holdout":
        return
    n_images = {split: sum(counts) for split, counts in sizes.counts.items()}
    n_classes = {split: len(sizes.classes) for split in ("train", "val", "test")}
    n_classes |= {split: sum(map(bool, counts)) for split, counts in sizes.counts.items()}
    most = {split: n_images.get(split, n_images["train"]) for split in n_classes}
    for split, fraction in (("test", config.test_fraction), ("val", config.val_fraction)):
        if split not in n_images:
            n = fraction_size(split, fraction, n_images["train"], len(sizes.classes))
            n_images |= {"train": n_images["train"] - n, split: n}
    limits = {"test": config.limit_test, "train": config.limit_train, "val": config.limit_val}
    for split, limit in limits.items():
        # identical images stay together, so that a drawn split can differ from its fraction
        if limit is not None and not n_classes[split] <= limit <= most[split]:
            check_split_limit(split, limit, n_images[split], n_classes[split])
    batch, n_train = config.batch_size, config.limit_train
    if batch != "auto" and batch > (n_train or most["train"]):
        resolve_batch_size(batch, n_train or n_images["train"])


def fraction_size(split: str, fraction: float, n_all: int, n_classes: int) -> int:
    """Return the size of a split of a fraction of the images; raises DataError if one is too small.

    Both the split and the rest need an image of each class.
    """
    n = round(fraction * n_all)
    if not n_classes <= n <= n_all - n_classes:
        kind = {"val": ("training images", "validation"), "test": ("images", "test")}[split]
        raise DataError(
            f"data.{split}_fraction={fraction:g} of {n_all} {kind[0]} is {n}; training and "
            f"{kind[1]} each need one image of the {n_classes} classes"
        )
    return n


def check_split_limit(split: str, limit: int, n_images: int, n_classes: int) -> None:
    """Raise DataError if a limit exceeds the images of a split, or is below their classes."""
    if limit > n_images:
        raise DataError(
            f"data.limit_{split}={limit} exceeds the {n_images} images; "
            f"set at most {n_images}, or null for all images"
        )
    if limit < n_classes and limit != n_images:
        raise DataError(
            f"data.limit_{split}={limit} is fewer than the {n_classes} classes; "
            f"set {n_classes} or more"
        )


def check_fold_sizes(
    classes: Sequence[str], counts: Sequence[int], folds: int, kind: str = "images"
) -> None:
    """Raise DataError if a class has fewer images than there are folds; `kind` names them."""
    name, n = smallest_class(classes, counts)
    if n < folds:
        fewer = f"use at most {n} folds, " if n > 1 else ""
        raise DataError(
            f"class {name!r} has {n} {kind if n != 1 else kind[:-1]}, too few for {folds} folds, "
            f"which need one each; {fewer}add images, or remove the class"
        )


def check_training_images(classes: Sequence[str], counts: Sequence[int]) -> None:
    """Raise DataError if a class has too few training images to hold one out for validation."""
    name, n = smallest_class(classes, counts)
    if n < 2:
        raise DataError(
            f"class {name!r} has {n} training image, too few to hold one out for validation; "
            f"add images, or provide a validation split (val/)"
        )


def too_few_error(name: str, images: str, n_drawn: int) -> DataError:
    """Return the error for a class with too few images for the splits that are drawn."""
    splits = "training, validation and test" if n_drawn == 3 else "training and test"
    return DataError(
        f"class {name!r} has {images}, too few for {splits}, which need one each; add images, or "
        f"remove the class"
    )


def smallest_class(classes: Sequence[str], counts: Sequence[int]) -> tuple[str, int]:
    """Return the name and the number of images of the first class with the fewest images."""
    return min(zip(classes, counts, strict=True), key=lambda pair: pair[1])


def _totals(sizes: ClassSizes) -> list[int]:
    return [sum(column) for column in zip(*sizes.counts.values(), strict=True)]


def _check_drawn(classes: Sequence[str], counts: Sequence[int], n_drawn: int) -> None:
    name, n = smallest_class(classes, counts)
    if n < n_drawn:
        raise too_few_error(name, f"{n} image{'s' if n != 1 else ''}", n_drawn)
