"""The global batch size, chosen for small training splits."""

from typing import Literal

from cnncompare.config.data import LARGEST_BATCH
from cnncompare.errors import DataError

MIN_STEPS = 10  # optimizer steps per epoch that data.batch_size=auto leaves


def resolve_batch_size(
    requested: int | Literal["auto"], n_train: int | None, n_expected: int | None = None
) -> int:
    """Return the global batch size; "auto" leaves at least ten steps per epoch where possible.

    `n_expected`, which all folds share, replaces `n_train` there, so that all have the same batch
    size. Raises DataError for a batch that is larger than the training split.
    """
    if requested == "auto":
        powers = [2**k for k in range(LARGEST_BATCH.bit_length() - 1, 0, -1)]
        n = n_expected or n_train
        enough = (size for size in powers if n is None or n // size >= MIN_STEPS)
        return next(enough, 1 if n_train == 1 else 2)
    if n_train is not None and requested > n_train:
        raise DataError(
            f"data.batch_size={requested} is larger than the training split of {n_train} images; "
            f"use at most {n_train}, or data.batch_size=auto"
        )
    return requested
