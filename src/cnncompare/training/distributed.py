"""Agreement between processes that torchrun or Slurm started together."""

import pytorch_lightning as pl
from lightning_fabric.plugins.environments.lightning import LightningEnvironment


def broadcast_finished(trainer: pl.Trainer, finished: bool | None) -> bool:
    """Return whether the run is finished already, as the first process found; others pass None.

    It also makes them wait until the run's folder is ready. Processes that Lightning starts by
    itself come later, when it is.
    """
    environment = getattr(trainer.strategy, "cluster_environment", None)
    alone = trainer.world_size == 1 or isinstance(environment, LightningEnvironment | None)
    if not alone:
        trainer.strategy.setup_environment()  # Lightning does it again, to no effect, in fit
        finished = trainer.strategy.broadcast(finished)
    return bool(finished)
