"""The trainer's options that concern batches: accumulation, overfitting, few test images."""

from dataclasses import dataclass
from typing import Literal

import torch

from cnncompare.config.data import LARGEST_BATCH
from cnncompare.data.split import Splits


@dataclass(frozen=True)
class TrainingBatches:
    """How batches are formed for a training, beyond the options of the data."""

    accumulate: int = 1  # batches of an optimizer step
    repeat_order: bool = False  # train on the same batches in each epoch
    test_batches: int | None = None  # tested; None: all

    def shorten(self, splits: Splits, batch_size: int | Literal["auto"]) -> Splits:
        """Return the splits with at most `test_batches` batches of test images, evenly spaced."""
        size = LARGEST_BATCH if batch_size == "auto" else batch_size
        n, limit = len(splits.test), (self.test_batches or 0) * size
        if self.test_batches is None or limit >= n:
            return splits
        return splits._replace(test=splits.test.select(torch.arange(limit) * n // limit))


PLAIN = TrainingBatches()
