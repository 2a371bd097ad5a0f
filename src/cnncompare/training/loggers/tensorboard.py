"""The event file of a run for TensorBoard: grouped tags, a layout of charts, the configuration."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from lightning_fabric.loggers.logger import rank_zero_experiment
from pytorch_lightning.loggers import Logger, TensorBoardLogger
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import custom_scalars

from cnncompare.config.schema import Config
from cnncompare.plotting.tensorboard import silence_event_writers, text_summary
from cnncompare.runs.storage import naming

# by column of epochs.csv; TensorBoard opens the first groups, which are sorted by name
TAGS = {
    "train_acc1": "accuracy/train",
    "val_acc1": "accuracy/val",
    "val_acc5": "accuracy/val_top5",
    "train_loss": "loss/train",
    "val_loss": "loss/val",
    "train_s": "time/train_s",
    "val_s": "time/val_s",
    "data_wait_s": "time/data_wait_s",
    "images_per_s": "time/images_per_s",
    "peak_rss_mib": "machine/peak_rss_mib",
    "peak_gpu_mib": "machine/peak_gpu_mib",
    "other_cpu_share": "machine/other_cpu_share",
    "gpu_sm_clock_mhz": "machine/gpu_sm_clock_mhz",
    "gpu_throttled": "machine/gpu_throttled",
    "lr": "training/lr",
}
_CHARTS = {  # of the tab Custom Scalars
    "Training and validation": {
        name: ["Multiline", [f"^{name}/train$", f"^{name}/val$"]] for name in ("accuracy", "loss")
    }
}


class RunBoard(TensorBoardLogger):
    """Logger of a run, whose tags are those of `TAGS`; other names stay as they are."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, name="", version="", default_hp_metric=False)

    @property
    @rank_zero_experiment
    def experiment(self) -> SummaryWriter:
        """The writer of the event file, whose errors name the file."""
        if self._experiment is not None:
            return self._experiment
        silence_event_writers()
        with naming(Path(self.log_dir)):
            writer: SummaryWriter = super().experiment
        _name_errors(writer, Path(self.log_dir))
        return writer

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log the values; the epoch, which Lightning adds, is the step and has no chart."""
        named = {TAGS.get(name, name): value for name, value in metrics.items() if name != "epoch"}
        super().log_metrics(named, step)

    def save(self) -> None:
        """Write what was logged; Lightning's method would add an empty hparams.yaml."""
        self.experiment.flush()


def _name_errors(writer: SummaryWriter, folder: Path) -> None:
    """Let the writer's errors name the event file, also of those that it opens after the test."""
    open_file: Callable[[], Any] = writer._get_file_writer

    def open_named() -> Any:
        with naming(folder):
            opened = open_file()
        file, path = opened.event_writer._general_file_writer, opened.event_writer._file_name
        if "write" not in vars(file):
            file.write = _named(file.write, Path(path))
        return opened

    writer._get_file_writer = open_named  # type: ignore[method-assign]
    open_named()


def _named(write: Callable[[bytes], None], path: Path) -> Callable[[bytes], None]:
    def write_named(content: bytes) -> None:
        with naming(path):
            write(content)

    return write_named


def log_description(loggers: Sequence[Logger], config: Config) -> None:
    """Log the configuration as text, and the charts that show training beside validation."""
    for logger in loggers:
        if not isinstance(logger, RunBoard):
            continue
        writer = logger.experiment._get_file_writer()
        settings = yaml.safe_dump(config.model_dump(), sort_keys=False)
        writer.add_summary(text_summary("configuration", f"```yaml\n{settings}```"), 0)
        writer.add_summary(custom_scalars(_CHARTS), 0)  # type: ignore[no-untyped-call]
