"""The Lightning Trainer of a run, as the configuration asks for it."""

from pathlib import Path

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback, EMAWeightAveraging

from cnncompare.config.schema import Config
from cnncompare.runs.run import CHECKPOINTS
from cnncompare.system.ranks import is_rank_zero
from cnncompare.training.checkpoints import AtomicCheckpointIO, BestAndLastCheckpoint
from cnncompare.training.loggers.build import build_loggers


def build_trainer(folder: Path, config: Config, callbacks: list[Callback]) -> pl.Trainer:
    """Return the trainer that writes into the run's `folder`, from the first process alone."""
    settings = config.trainer
    return pl.Trainer(
        default_root_dir=folder,
        max_epochs=settings.max_epochs,
        devices=settings.devices,
        num_nodes=settings.nodes,
        accelerator=settings.accelerator,
        strategy="ddp" if settings.processes > 1 else "auto",
        precision=settings.precision,
        gradient_clip_val=settings.gradient_clip_norm,
        # "warn": some operators have no deterministic form on a GPU, and say so
        deterministic="warn" if settings.deterministic else False,
        benchmark=not settings.deterministic,
        logger=build_loggers(config.logger, folder) if is_rank_zero() else False,
        plugins=[AtomicCheckpointIO()],
        callbacks=_with_those_of_training(callbacks, folder, config),
        use_distributed_sampler=False,  # the batches are divided where they are drawn
        num_sanity_val_steps=0,
        log_every_n_steps=1,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def _with_those_of_training(
    callbacks: list[Callback], folder: Path, config: Config
) -> list[Callback]:
    if not config.trains:
        return callbacks
    return [*_averaging(config.trainer.ema_decay), *callbacks, _checkpoint(folder)]


def _averaging(decay: float | None) -> list[Callback]:
    return [EMAWeightAveraging(decay=decay)] if decay is not None else []


def _checkpoint(folder: Path) -> Callback:
    return BestAndLastCheckpoint(
        dirpath=folder / CHECKPOINTS,
        filename="best",
        monitor="val_acc1",
        mode="max",
        save_on_train_epoch_end=True,  # after the epoch's clocks were read
        enable_version_counter=False,
    )
