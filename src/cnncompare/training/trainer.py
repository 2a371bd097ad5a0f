"""The Lightning Trainer of a run."""

import os
from pathlib import Path

import pytorch_lightning as pl
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.profilers import (
    AdvancedProfiler,
    Profiler,
    PyTorchProfiler,
    SimpleProfiler,
)

from cnncompare.config.schema import Config
from cnncompare.system.ranks import is_rank_zero
from cnncompare.training.checkpoints import AtomicCheckpointIO
from cnncompare.training.loggers.build import build_loggers


def build_trainer(
    folder: Path, config: Config, callbacks: list[Callback], max_epochs: int | None = None
) -> pl.Trainer:
    """Return the configured trainer; on rank 0 its loggers write into the run's `folder`.

    `max_epochs` is the number of epochs of a training that `max_steps` ends. Three options are not
    passed to Lightning: max_steps (see StepLimit), fast_dev_run, which writes no checkpoints, and
    overfit_batches, which replaces samplers, where the data module has none.
    """
    settings = config.trainer
    return pl.Trainer(
        default_root_dir=folder,
        max_epochs=settings.planned_epochs if max_epochs is None else max_epochs,
        limit_train_batches=settings.train_limit,
        limit_val_batches=settings.val_limit,
        check_val_every_n_epoch=1 if settings.fast_dev_run else settings.check_val_every_n_epoch,
        accumulate_grad_batches=settings.accumulate_grad_batches,
        devices=settings.devices,
        num_nodes=settings.num_nodes,
        accelerator=settings.accelerator,
        strategy="ddp" if settings.uses_ddp else "auto",
        precision=settings.precision,
        gradient_clip_val=settings.gradient_clip_val,
        # "warn": some operators have no deterministic version on a GPU and only warn
        deterministic="warn" if settings.deterministic else False,
        benchmark=not settings.deterministic,
        logger=build_loggers(config.logger, folder) if is_rank_zero() else False,
        plugins=[AtomicCheckpointIO(), *_cluster_environment()],
        callbacks=callbacks,
        use_distributed_sampler=False,  # the data module divides the batches itself
        reload_dataloaders_every_n_epochs=1,  # a loader has the draws of one epoch
        num_sanity_val_steps=0 if settings.fast_dev_run else settings.num_sanity_val_steps,
        profiler=_build_profiler(settings.profiler, folder) if is_rank_zero() else None,
        log_every_n_steps=1,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def _cluster_environment() -> list[SLURMEnvironment]:
    """Return Slurm's without Lightning's requeue in a job of submitit, which requeues it itself."""
    if os.environ.get("SUBMITIT_EXECUTOR") == "slurm" and SLURMEnvironment.detect():
        return [SLURMEnvironment(auto_requeue=False)]
    return []


def _build_profiler(name: str | None, folder: Path) -> Profiler | None:
    """Return the profiler, whose files fit-profile.txt and test-profile.txt lie in the folder."""
    match name:
        case "simple":
            return SimpleProfiler(dirpath=folder, filename="profile")
        case "advanced":
            return AdvancedProfiler(dirpath=folder, filename="profile")
        case "pytorch":
            return PyTorchProfiler(dirpath=folder, filename="profile", export_to_chrome=False)
    return None
