"""Settings and results of a run for TensorBoard's HParams tab and other loggers."""

from collections.abc import Sequence
from typing import Any

from pytorch_lightning.loggers import Logger, TensorBoardLogger
from torch.utils.tensorboard.summary import hparams

from cnncompare.config.options import Setting, settings_of
from cnncompare.config.schema import Config
from cnncompare.runs.record import RunRecord

Value = int | float | str  # not bool, which torch writes as 0 or 1


def log_hparams(loggers: Sequence[Logger], config: Config, record: RunRecord) -> None:
    """Log the settings, flat, and the final results under tags that begin with `result/`.

    The tab shows the last value of a tag: that of `val_acc1` is the last epoch's, not the best
    epoch's. The prefix also sorts late, because the Scalars tab expands the first two groups,
    which should not consist of single points.
    """
    settings, metrics = _settings(config, record), _metrics(record)
    measured = {name: value for name, value in metrics.items() if value is not None}
    epochs = record.training.epochs_done if record.training else 0
    for logger in loggers:
        logger.log_metrics(measured, step=epochs)  # first: reopens the closed writer
        if isinstance(logger, TensorBoardLogger):
            _declare(logger, settings, list(metrics))
        else:
            logger.log_hyperparams(settings)


def _declare(logger: TensorBoardLogger, settings: dict[str, Value], metrics: list[str]) -> None:
    """Write the summaries of the HParams tab.

    Lightning's log_hyperparams would also write an hparams.yaml into the folder. The tab takes its
    columns from the run that it reads first, so every run declares the same columns.
    """
    writer = logger.experiment.file_writer
    assert writer is not None
    for summary in hparams(settings, dict.fromkeys(metrics, 0.0)):  # type: ignore[no-untyped-call]
        writer.add_summary(summary)


MAIN = ("batch_size", "seed", "lr", "optimizer")  # and data, model, stem, epochs


def _settings(config: Config, record: RunRecord) -> dict[str, Value]:
    """Return the settings; the tab shows the first five by name, so the others have a prefix."""
    model, data, settings = record.model, record.data, record.settings
    assert model is not None
    assert data is not None
    assert settings is not None
    recorded = settings.model_dump()
    values: dict[str, Value] = {}
    for setting in settings_of(config):
        if setting.key in recorded:
            values |= _flat(setting, recorded[setting.key])
    main = {name: values.pop(name) for name in MAIN if name in values}
    main |= {"data": data.name, "model": model.name, "stem": model.stem}
    if record.training is not None:
        main["epochs"] = values.pop("max_epochs")
    other = values | {"n_train": data.n_train or 0, "pretrained": str(model.pretrained)}
    return dict(sorted(main.items())) | {
        f"training/{name}": value for name, value in sorted(other.items())
    }


def _flat(setting: Setting, value: Any) -> dict[str, Value]:
    """Return a value as one hyperparameter, or a section as one for each of its keys.

    A column has one type: a value that need not be a number is text.
    """
    if isinstance(value, dict):
        return {f"{setting.key}_{name}": str(inner) for name, inner in value.items()}
    is_number = setting.is_number or setting.key == "batch_size"
    return {setting.key: value if is_number or isinstance(value, str) else str(value)}


def _metrics(record: RunRecord) -> dict[str, float | None]:
    """Return the final results; the tab shows the first five."""
    test, timing, memory = record.test, record.timing, record.memory
    return {
        "result/test_acc1": test.acc1,
        "result/val_acc1": record.best.val_acc1,
        "result/epoch_s": timing.epoch_s,
        "result/images_per_s": timing.images_per_s,
        "result/params": record.model.params if record.model else None,
        "result/test_acc5": test.acc5,
        "result/test_loss": test.loss,
        "result/test_balanced_acc1": test.balanced_acc1,
        "result/test_macro_f1": test.macro_f1,
        "result/peak_rss_mib": memory.peak_rss_mib,
        "result/peak_gpu_mib": memory.peak_gpu_mib,
    }
