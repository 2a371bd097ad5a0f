"""Choice of a training's epochs by its budget, from the time or the MACs of an epoch."""

import sys
from collections.abc import Iterator, Sequence

from pytorch_lightning.callbacks import Callback

from cnncompare.config.schema import Config
from cnncompare.data.module import ImageData
from cnncompare.errors import ConfigError
from cnncompare.models import registry
from cnncompare.runs.budget import (
    BudgetSection,
    choose_epochs,
    cost_text,
    macs_of_epoch,
    share_remark,
)
from cnncompare.runs.lifecycle import reusable_run
from cnncompare.runs.record import RunRecord
from cnncompare.runs.run import RECORD, Run, read_existing
from cnncompare.system.environment import describe_environment
from cnncompare.training.build import build_model
from cnncompare.training.epoch_time import measure_epoch_s


def choose_by_budget(
    config: Config, data: ImageData, stop: Sequence[Callback], *, clocks_shared: bool
) -> tuple[Config, BudgetSection | None]:
    """Return the configuration with its number of epochs, and the budget for the record.

    Without a budget, they are the given configuration and None. A resumed run keeps its number;
    so do further seeds and folds of the same recipe on this machine. Raises ConfigError if the
    budget is below one epoch, or the warm-up as long as the training.
    """
    if not config.budget.is_set:
        return config, None
    earlier = _earlier(config, clocks_shared)
    if earlier is None:
        section = _section(config, data, stop)
        epochs = epochs_within(config, section.per_epoch)
    else:
        section, epochs = earlier
    print(f"cnncompare: {_sentence(config, section, epochs)}", file=sys.stderr, flush=True)
    check_warmup(config, epochs)
    return config.with_epochs(epochs), section


def epochs_within(config: Config, per_epoch: float) -> int:
    """Return the epochs of the budget; raises ConfigError if it is below one epoch."""
    budget = config.budget
    assert budget.amount is not None
    epochs = choose_epochs(budget.amount, per_epoch)
    if epochs == 0:
        cost = cost_text(per_epoch, in_seconds=budget.seconds is not None)
        raise ConfigError(
            f"{budget.override} is below one epoch of {config.model.name} on {config.data.name}, "
            f"which takes {cost}; give more, or fewer images with data.limit_train"
        )
    return epochs


def check_warmup(config: Config, epochs: int) -> None:
    """Raise ConfigError if the warm-up is not shorter than the training."""
    warmup = getattr(config.scheduler, "warmup_epochs", 0.0)
    if warmup and warmup >= epochs:
        raise ConfigError(
            f"scheduler.warmup_epochs={warmup:g} must be less than the {epochs} epochs of "
            f"{config.budget.override}"
        )


def _section(config: Config, data: ImageData, stop: Sequence[Callback]) -> BudgetSection:
    budget = config.budget
    if budget.seconds is not None:
        per_epoch = measure_epoch_s(config, data, stop)
    else:
        network = build_model(config, data).network
        per_epoch = macs_of_epoch(
            registry.count_macs(network, data.image_shape) or 0, data.n_train or 0
        )
    return BudgetSection(seconds=budget.seconds, macs=budget.macs, per_epoch=per_epoch)


def _earlier(config: Config, clocks_shared: bool) -> tuple[BudgetSection, int] | None:
    """Return what the run, or another one of the same recipe and machine, was started with."""
    run = reusable_run(config)
    if run is not None and (chosen := _chosen(run.record)):
        return chosen
    if config.budget.seconds is None:
        return None
    machine = describe_environment([])
    for record in _siblings(config):
        environment, training = record.environment, record.training
        if environment is None or training is None or training.clocks_shared != clocks_shared:
            continue
        if all(getattr(environment, key) == machine[key] for key in ("cpu", "gpu", "threads")):
            return _chosen(record)
    return None


def _siblings(config: Config) -> Iterator[RunRecord]:
    """Yield the records of the experiment's other runs of the same recipe."""
    recipe, folder = config.recipe_hash(), config.run_folder()
    for path in sorted(folder.parent.glob(f"{config.model.name}-*/{RECORD}")):
        run = read_existing(path.parent) if path.parent != folder else None
        if run and run.record.training and run.record.training.recipe_hash == recipe:
            yield run.record


def _chosen(record: RunRecord) -> tuple[BudgetSection, int] | None:
    training = record.training
    if training is None or training.budget is None:
        return None
    return training.budget.model_copy(update={"used": None}), training.max_epochs


def _sentence(config: Config, section: BudgetSection, epochs: int) -> str:
    cost = cost_text(section.per_epoch, in_seconds=section.seconds is not None)
    remark = share_remark(section.amount, section.per_epoch)
    return (
        f"{epochs} epoch{'s' * (epochs != 1)} of {config.model.name} in {config.budget.override} "
        f"({cost} each){'; ' * bool(remark)}{remark}"
    )


def used_of(run: Run) -> BudgetSection | None:
    """Return the run's budget with what its finished epochs used; None without a budget."""
    training = run.record.training
    section = training.budget if training else None
    if section is None:
        return None
    rows = run.epochs()
    if section.seconds is None:
        used = len(rows) * section.per_epoch
    else:
        used = sum((row["train_s"] or 0.0) + (row["val_s"] or 0.0) for row in rows)
    return section.model_copy(update={"used": used})
