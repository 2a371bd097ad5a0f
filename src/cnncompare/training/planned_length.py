"""Planned length of a run's training, and checks of its batches before the run is opened."""

import sys

from cnncompare.config.data import LARGEST_BATCH
from cnncompare.config.schema import Config
from cnncompare.config.training_length import (
    TrainingLength,
    check_length,
    limited_batches,
    training_length,
)
from cnncompare.data.loaders import evaluation_chunks
from cnncompare.data.module import ImageData
from cnncompare.errors import ConfigError
from cnncompare.system.ranks import is_rank_zero


def planned_length(config: Config, data: ImageData) -> TrainingLength:
    """Return the length of the training on the prepared data."""
    assert data.n_train is not None
    return training_length(config, data.n_train, data.batch_size)


def check_batches(config: Config, data: ImageData) -> None:
    """Report a batch size that was chosen for a small training split, and check the limits.

    Raises ConfigError if batches cannot be divided, or if a limit leaves none or no validation.
    """
    _check_batch_size(config, data)
    if config.trains:
        check_length(config, planned_length(config, data))
        _check_validation(config, data)


def _check_batch_size(config: Config, data: ImageData) -> None:
    if config.data.batch_size != "auto" or data.batch_size == LARGEST_BATCH:
        return
    parts = config.micro_batches
    if data.batch_size % parts:
        by = f"trainer.accumulate_grad_batches={config.trainer.accumulate_grad_batches} divides by"
        devices = f"{parts} devices cannot share"
        raise ConfigError(
            f"data.batch_size=auto is {data.batch_size} for {data.n_train} training images, which "
            f"{devices if parts == config.trainer.processes else f'{by} {parts}'}; "
            f"give data.batch_size={parts} or a multiple"
        )
    if is_rank_zero():
        print(
            f"cnncompare: batch size {data.batch_size}, chosen for {data.n_train} training images "
            "(data.batch_size=auto)",
            file=sys.stderr,
            flush=True,
        )


def _check_validation(config: Config, data: ImageData) -> None:
    trainer, n = config.trainer, int(data.val_class_counts.sum())
    if n >= trainer.processes:  # otherwise the loader refuses
        size = data.batch_size // trainer.accumulate_grad_batches
        chunks = evaluation_chunks(n, size, trainer.processes)
        key = "overfit_batches" if trainer.overfit_batches else "limit_val_batches"
        limited_batches(len(chunks) // trainer.processes, trainer.val_limit, key)
