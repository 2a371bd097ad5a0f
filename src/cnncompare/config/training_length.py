"""Length of a training in epochs and optimizer steps, from its options and the number of images."""

from dataclasses import dataclass

from cnncompare.config.schema import Config
from cnncompare.errors import ConfigError


@dataclass(frozen=True)
class TrainingLength:
    """The planned length; the last epoch is incomplete if `max_steps` ends it."""

    epochs: int
    steps: int  # of the optimizer, in all
    steps_per_epoch: int


def training_length(config: Config, n_train: int, batch_size: int) -> TrainingLength:
    """Return the length of a training on `n_train` images; `batch_size` is the global one.

    Raises ConfigError for a share of the batches that is less than one batch.
    """
    trainer = config.trainer
    micro_batches = max(1, n_train // batch_size) * trainer.accumulate_grad_batches
    key = "overfit_batches" if trainer.overfit_batches else "limit_train_batches"
    limited = limited_batches(micro_batches, trainer.train_limit, key)
    per_epoch = -(-limited // trainer.accumulate_grad_batches)
    epochs = trainer.planned_epochs
    if epochs is None:
        steps = trainer.max_steps or 0
        return TrainingLength(-(-steps // per_epoch), steps, per_epoch)
    return TrainingLength(epochs, epochs * per_epoch, per_epoch)


def limited_batches(batches: int, limit: int | float, key: str) -> int:
    """Return how many of the batches Lightning uses; `limit` is a number or a share.

    Raises ConfigError, which names the option `key`, if there is none.
    """
    used = min(batches, limit) if isinstance(limit, int) else int(batches * limit)
    if used == 0:
        raise ConfigError(
            f"trainer.{key}={limit} of {batches} batches is less than one; give a number of "
            "batches, such as 1, or a larger share"
        )
    return used


def check_length(config: Config, length: TrainingLength) -> None:
    """Raise ConfigError if the training ends before its first validation or its warm-up."""
    steps, every = config.trainer.max_steps, config.trainer.check_val_every_n_epoch
    if steps is None or config.trainer.fast_dev_run:
        return  # checked with the configuration
    if every > length.epochs:
        raise ConfigError(
            f"trainer.check_val_every_n_epoch={every} never validates: trainer.max_steps={steps} "
            f"is {length.epochs} epochs of {length.steps_per_epoch} steps; use at most "
            f"{length.epochs}"
        )
    warmup = getattr(config.scheduler, "warmup_epochs", 0.0)
    if warmup * length.steps_per_epoch >= steps:
        raise ConfigError(
            f"scheduler.warmup_epochs={warmup:g} must be less than the "
            f"{steps / length.steps_per_epoch:.3g} epochs of trainer.max_steps={steps}"
        )
