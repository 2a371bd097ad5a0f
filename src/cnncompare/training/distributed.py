"""Agreement between processes that torchrun or Slurm started together."""

import pytorch_lightning as pl
from lightning_fabric.plugins.environments.lightning import LightningEnvironment


def broadcast_finished(trainer: pl.Trainer, finished: bool | None) -> bool:
    """Send `finished` from rank 0 to all ranks, which pass None, and return it.

    The call also blocks the other ranks until the run's folder is ready. Processes that Lightning
    starts itself come later, when it is ready, and need no broadcast.
    """
    environment = getattr(trainer.strategy, "cluster_environment", None)
    started_together = not isinstance(environment, LightningEnvironment | None)
    if trainer.world_size > 1 and started_together:
        trainer.strategy.setup_environment()  # fit repeats this, without effect
        finished = trainer.strategy.broadcast(finished)
    return bool(finished)
