"""Number of images of each class of a data source, without torch and without decoding."""

from pathlib import Path

import numpy as np

from cnncompare.config.data import DataConfig, SyntheticConfig
from cnncompare.data.sources.class_sizes import ClassSizes

N_TEST_DIGITS = (36, 37, 35, 37, 36, 36, 36, 36, 35, 36)  # images of each class; the split is fixed


def count_classes(config: DataConfig) -> ClassSizes | None:
    """Return the class sizes of images on this disk, or None if only loading them tells.

    Raises a UserError for what a look at files, tables and arrays shows, such as a missing folder.
    """
    root, labels = config.root or "", config.labels
    match config.source:
        case "digits":
            return _count_digits(config)
        case "synthetic" if config.synthetic is not None:
            return _count_synthetic(config.synthetic)
        case "folder" if labels is not None:
            from cnncompare.data.sources.label_table import count_labelled_files

            return count_labelled_files(root, labels)
        case "folder":
            from cnncompare.data.sources.class_folders import count_class_files

            return count_class_files(root)
        case "arrays":
            from cnncompare.data.sources.array_labels import count_array_labels
            from cnncompare.data.sources.stored_arrays import find_arrays

            return count_array_labels(find_arrays(root, labels), root)
        case "parquet":
            from cnncompare.data.sources.table_columns import count_table_labels

            return count_table_labels(root, labels)
    return None


def _count_digits(config: DataConfig) -> ClassSizes:
    """Return the sizes of all splits together if they are drawn, else of the fixed two."""
    with np.load(Path(__file__).with_name("digits.npz"), allow_pickle=False) as arrays:
        counts = np.bincount(arrays["labels"])
    names = [str(digit) for digit in range(10)]
    if config.resamples:
        return ClassSizes(names, {"train": counts.tolist()})
    test = np.array(N_TEST_DIGITS)
    return ClassSizes(names, {"train": (counts - test).tolist(), "test": test.tolist()})


def _count_synthetic(config: SyntheticConfig) -> ClassSizes:
    labels = np.arange(config.n_train + config.n_test) % config.classes
    train, test = (
        np.bincount(half, minlength=config.classes).tolist()
        for half in np.split(labels, [config.n_train])
    )
    names = [f"pattern{number}" for number in range(config.classes)]
    return ClassSizes(names, {"train": train, "test": test})
