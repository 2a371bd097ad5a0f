"""Construction of the configured loggers."""

from pathlib import Path

from pytorch_lightning.loggers import CSVLogger, Logger

from cnncompare.config.extension import Own
from cnncompare.config.output import LoggerConfig, MLflowConfig, WandbConfig
from cnncompare.errors import ConfigError
from cnncompare.training.loggers.tensorboard import RunBoard


def build_loggers(config: LoggerConfig, folder: Path) -> list[Logger]:
    """Return the loggers, which write into the run's `folder` and use its name as run name."""
    loggers: list[Logger] = []
    if config.tensorboard is not None:
        loggers.append(RunBoard(folder))
    if config.csv is not None:
        loggers.append(CSVLogger(folder, name="csv", version=""))
    if config.mlflow is not None:
        loggers.append(_mlflow(config.mlflow, folder.name))
    if config.wandb is not None:
        loggers.append(_wandb(config.wandb, folder))
    return loggers + [_own(own, folder) for own in config.own("logger")]


def _own(own: Own, folder: Path) -> Logger:
    logger = own.build(folder=folder)
    if not isinstance(logger, Logger):
        raise ConfigError(
            f"logger {own.name} is of the type {type(logger).__name__}; it must be a "
            "pytorch_lightning.loggers.Logger"
        )
    return logger


def _mlflow(config: MLflowConfig, run_name: str) -> Logger:
    from pytorch_lightning.loggers import MLFlowLogger

    return MLFlowLogger(
        run_name=run_name,
        experiment_name=config.experiment_name,
        tracking_uri=config.tracking_uri,
    )


def _wandb(config: WandbConfig, folder: Path) -> Logger:
    from pytorch_lightning.loggers import WandbLogger

    return WandbLogger(
        name=folder.name,
        save_dir=folder,
        project=config.project,
        offline=config.mode == "offline",
        log_model=False,
    )
