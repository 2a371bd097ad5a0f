"""Options of the loggers, and of what is displayed and drawn."""

from typing import Annotated, Literal

from pydantic import Field

from cnncompare.config.section import Section


class TensorBoardConfig(Section):
    """Event files in the run's folder."""


class CSVConfig(Section):
    """csv/metrics.csv in the run's folder."""


class MLflowConfig(Section):
    """An MLflow tracking server or file store; needs the extra `mlflow`."""

    tracking_uri: str
    experiment_name: str


class WandbConfig(Section):
    """Weights & Biases; needs the extra `wandb`."""

    project: str
    mode: Literal["offline", "online"] = "offline"  # online sends data away, so it is asked for


class LoggerConfig(Section):
    """Which loggers are on."""

    tensorboard: TensorBoardConfig | None = None
    csv: CSVConfig | None = None
    mlflow: MLflowConfig | None = None
    wandb: WandbConfig | None = None


class DisplayConfig(Section):
    """What is shown and drawn beside the measurements, which are always taken."""

    progress: Literal["auto", "bar", "lines", "off"] = "auto"  # auto: a bar on a terminal
    confusion_matrix: bool = True
    worst_mistakes: Annotated[int, Field(ge=0, le=100)] = 25  # test images shown; 0 draws none
