"""Options of the loggers and of the display."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from cnncompare.config.extension import OwnSections
from cnncompare.config.section import Section
from cnncompare.extensions.kinds import LOGGERS


class TensorBoardConfig(Section):
    """TensorBoard event files in the run's folder."""


class CSVConfig(Section):
    """The file csv/metrics.csv in the run's folder."""


class MLflowConfig(Section):
    """An MLflow tracking server or file store; needs the extra `mlflow`."""

    tracking_uri: str
    experiment_name: str


class WandbConfig(Section):
    """Weights & Biases; needs the extra `wandb`."""

    project: str
    mode: Literal["offline", "online"] = "offline"  # online sends data to a server


class LoggerConfig(OwnSections):
    """The enabled loggers, and those of users' modules."""

    registry: ClassVar = LOGGERS

    tensorboard: TensorBoardConfig | None = None
    csv: CSVConfig | None = None
    mlflow: MLflowConfig | None = None
    wandb: WandbConfig | None = None


class DisplayConfig(Section):
    """Progress display and figures; they do not affect the measurements."""

    progress: Literal["auto", "bar", "lines", "off"] = "auto"  # auto: a bar on a terminal
    confusion_matrix: bool = True  # as a figure in TensorBoard
    worst_mistakes: Annotated[int, Field(ge=0, le=100)] = 25  # number of test images; 0: no figure
