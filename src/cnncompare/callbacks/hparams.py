"""What a run was made with beside what came of it, for TensorBoard's HParams tab and its like."""

from collections.abc import Sequence

from pytorch_lightning.loggers import Logger, TensorBoardLogger
from torch.utils.tensorboard.summary import hparams

from cnncompare.record import RunRecord

Value = int | float | str  # torch writes a bool as 0 or 1


def log_hparams(loggers: Sequence[Logger], record: RunRecord) -> None:
    """Log the settings, flat, and the final measurements, under tags of their own.

    A metric's column shows the last value of its tag: `val_acc1` would be the last epoch's, not
    the chosen one's, hence `final/`.
    """
    settings, metrics = _settings(record), _metrics(record)
    measured = {name: value for name, value in metrics.items() if value is not None}
    epochs = record.training.epochs_done if record.training else 0
    for logger in loggers:
        logger.log_metrics(measured, step=epochs)  # first: it opens a writer closed after the test
        if isinstance(logger, TensorBoardLogger):
            _declare(logger, settings, list(metrics))
        else:
            logger.log_hyperparams(settings)


def _declare(logger: TensorBoardLogger, settings: dict[str, Value], metrics: list[str]) -> None:
    """Write the summaries that the HParams tab is made of.

    Lightning's log_hyperparams would also leave an hparams.yaml in the folder. The tab takes its
    columns from whichever run it reads first, so every run declares the same ones.
    """
    writer = logger.experiment.file_writer
    assert writer is not None
    for summary in hparams(settings, dict.fromkeys(metrics, 0.0)):  # type: ignore[no-untyped-call]
        writer.add_summary(summary)


def _settings(record: RunRecord) -> dict[str, Value]:
    model, data, training = record.model, record.data, record.training
    assert model is not None
    assert data is not None
    assert training is not None
    return {
        "model": model.name,
        "stem": model.stem,
        "pretrained": str(model.pretrained),
        "data": data.name,
        "n_train": data.n_train or 0,
        "seed": training.seed,
        "epochs": training.max_epochs,
        "batch_size": training.batch_size,
        "image_size": training.image_size,
        "optimizer": training.optimizer,
        "lr": training.lr,
        "weight_decay": training.weight_decay,
        "scheduler": training.scheduler,
        "label_smoothing": training.label_smoothing,
        "ema_decay": str(training.ema_decay),  # a column has one type, and None needs text
        "gradient_clip_norm": str(training.gradient_clip_norm),
        "precision": training.precision,
        "channels_last": str(training.channels_last),
        "compile": str(training.compile),
        "accelerator": training.accelerator,
        "devices": training.devices,
        "protocol": training.protocol,
        **{f"augment/{name}": str(value) for name, value in training.augment.items()},
    }


def _metrics(record: RunRecord) -> dict[str, float | None]:
    test, timing, model = record.test, record.timing, record.model
    return {
        "final/test_acc1": test.acc1,
        "final/test_acc5": test.acc5,
        "final/test_loss": test.loss,
        "final/val_acc1": record.best.val_acc1,
        "final/epoch_s": timing.epoch_s,
        "final/images_per_s": timing.images_per_s,
        "final/peak_rss_mib": record.memory.peak_rss_mib,
        "final/peak_gpu_mib": record.memory.peak_gpu_mib,
        "final/params": model.params if model else None,
    }
