"""The settings of a finished run that its network and its preprocessing need; imports no torch.

They come from config.yaml, section by section, because the whole configuration cannot be validated
where the data are not.
"""

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from cnncompare.config.model import ModelConfig
from cnncompare.config.trainer import TrainerConfig
from cnncompare.errors import DataError, first_line
from cnncompare.runs.lifecycle import is_finished
from cnncompare.runs.record import DataSection, ModelSection, SettingsSection
from cnncompare.runs.run import CHECKPOINTS, CONFIG, RECORD, Run, tested_checkpoint
from cnncompare.system import strict_yaml


@dataclass(frozen=True)
class DataSettings:
    """The keys of section `data` that determine the pixels of an image."""

    source: str
    image_size: int | None = None
    resize: int | None = None
    interpolation: str | None = None
    channels: int | None = None
    dataset: str | None = None  # class of torchvision.datasets


@dataclass(frozen=True)
class SavedSettings:
    """Sections of config.yaml and of run.json, and the class names in label order."""

    model: ModelConfig
    trainer: TrainerConfig
    data: DataSettings
    built: ModelSection
    images: DataSection
    protocol: SettingsSection
    classes: list[str]


def saved_settings(run: Run) -> SavedSettings:
    """Return the settings of a finished run.

    Raises DataError for a run that is not finished, and for files that are missing or invalid.
    """
    built, images, protocol = _sections(run)
    config = _read_config(run)
    tested = run.folder / CHECKPOINTS / tested_checkpoint(run.record)
    if config["trainer"].get("max_epochs") != 0 and not tested.is_file():
        raise DataError(f"{tested}: there is no such file; the run has no weights")
    try:
        model = ModelConfig.model_validate(config["model"])
        trainer = TrainerConfig.model_validate(config["trainer"])
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(map(str, problem["loc"]))
        raise DataError(f"{run.folder / CONFIG}: {key}: {problem['msg'].lower()}") from None
    return SavedSettings(
        model, trainer, _data_settings(config["data"]), built, images, protocol, run.classes
    )


def check_finished(run: Run) -> None:
    """Raise DataError with the run's status unless it is finished."""
    if is_finished(run):
        return
    error = run.record.error
    reason = f" ({error.text})" if error else ""
    raise DataError(
        f"{run.folder}: the run is {run.record.status}{reason}, not finished; run its command again"
    )


def _sections(run: Run) -> tuple[ModelSection, DataSection, SettingsSection]:
    check_finished(run)
    record = run.record
    if record.model is None or record.data is None or record.settings is None:
        raise DataError(f"{run.folder / RECORD} lacks model, data, or training and evaluation")
    return record.model, record.data, record.settings


def _read_config(run: Run) -> dict[str, dict[str, Any]]:
    """Return the sections of config.yaml. Raises DataError if it or a section is missing."""
    path = run.folder / CONFIG
    try:
        content = strict_yaml.loads(run.read_file(CONFIG))
    except ValueError as error:
        raise DataError(f"{path} is not a configuration ({first_line(error)})") from None
    sections = ("model", "trainer", "data")
    if not isinstance(content, dict) or not all(isinstance(content.get(s), dict) for s in sections):
        raise DataError(f"{path} is not a configuration: it lacks {', '.join(sections)}")
    return content


def _data_settings(section: dict[str, Any]) -> DataSettings:
    keys = ("image_size", "resize", "interpolation", "channels")
    torchvision = section.get("torchvision") or {}
    return DataSettings(
        source=str(section.get("source")),
        dataset=torchvision.get("dataset"),
        **{key: section.get(key) for key in keys},
    )
