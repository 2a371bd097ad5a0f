from pathlib import Path
from typing import Any

import pytest
from pytorch_lightning.loggers import CSVLogger

from cnncompare.config.output import LoggerConfig, MLflowConfig, WandbConfig
from cnncompare.training.loggers.build import build_loggers
from cnncompare.training.loggers.tensorboard import RunBoard
from tests.composing import compose_config


def test_events_lie_in_the_runs_folder(tmp_path: Path) -> None:
    config = compose_config("data=digits", "model=resnet20").logger
    (logger,) = build_loggers(config, tmp_path / "run")
    assert isinstance(logger, RunBoard)
    assert Path(logger.log_dir) == tmp_path / "run"


def test_several_at_once_and_none(tmp_path: Path) -> None:
    both = compose_config("data=digits", "model=resnet20", "logger=[tensorboard,csv]").logger
    assert [type(logger) for logger in build_loggers(both, tmp_path)] == [
        RunBoard,
        CSVLogger,
    ]
    none = compose_config("data=digits", "model=resnet20", "logger=[]").logger
    assert build_loggers(none, tmp_path) == []


def test_mlflow_writes_to_its_tracking_uri(tmp_path: Path) -> None:
    pytest.importorskip("mlflow", reason="the extra mlflow is not installed")
    config = MLflowConfig(tracking_uri=f"sqlite:///{tmp_path}/mlflow.db", experiment_name="trial")
    logger: Any
    (logger,) = build_loggers(LoggerConfig(mlflow=config), tmp_path / "run")
    logger.log_metrics({"val_acc1": 0.5}, step=1)
    assert logger.experiment.get_run(logger.run_id).data.metrics == {"val_acc1": 0.5}
    assert logger.experiment.get_run(logger.run_id).info.run_name == "run"


def test_wandb_is_offline_by_default() -> None:
    assert WandbConfig(project="x").mode == "offline"
    config = compose_config("data=digits", "model=resnet20", "logger=wandb").logger
    assert config.wandb is not None
    assert config.wandb.mode == "offline"
