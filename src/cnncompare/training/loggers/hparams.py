"""What a run was made with beside what came of it, for TensorBoard's HParams tab and its like."""

from collections.abc import Sequence

from pytorch_lightning.loggers import Logger, TensorBoardLogger
from torch.utils.tensorboard.summary import hparams

from cnncompare.runs.record import RunRecord

Value = int | float | str  # torch writes a bool as 0 or 1


def log_hparams(loggers: Sequence[Logger], record: RunRecord) -> None:
    """Log the settings, flat, and the final measurements, under tags of their own.

    A metric's column shows the last value of its tag: `val_acc1` would be the last epoch's, not
    the chosen one's, hence `result/`. The Scalars tab opens the first two groups by name, which
    must not be these single points.
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
    """Return the settings; the tab shows the first five by name, hence a prefix for the others."""
    model, data, asked = record.model, record.data, record.settings
    assert model is not None
    assert data is not None
    assert asked is not None
    main: dict[str, Value] = {
        "batch_size": asked.batch_size,
        "data": data.name,
        "model": model.name,
        "seed": asked.seed,
        "stem": model.stem,
    }
    further: dict[str, Value] = {
        "accelerator": asked.accelerator,
        "channels_last": str(asked.channels_last),
        "compile": str(asked.compile),
        "trim_kernels": str(asked.trim_kernels),
        "devices": asked.devices,
        "image_size": asked.image_size,
        "n_train": data.n_train or 0,
        "precision": asked.precision,
        "pretrained": str(model.pretrained),
    }
    training = record.training
    if training is not None:
        main |= {
            "epochs": training.max_epochs,
            "lr": training.lr,
            "optimizer": training.optimizer,
        }
        further |= {
            "ema_decay": str(training.ema_decay),  # a column has one type, and None needs text
            "gradient_clip_norm": str(training.gradient_clip_norm),
            "label_smoothing": training.label_smoothing,
            "protocol": training.protocol,
            "scheduler": training.scheduler,
            "weight_decay": training.weight_decay,
            **{f"augment_{name}": str(value) for name, value in training.augment.items()},
        }
    return dict(sorted(main.items())) | {
        f"training/{name}": value for name, value in sorted(further.items())
    }


def _metrics(record: RunRecord) -> dict[str, float | None]:
    """Return the final measurements; the tab shows the first five."""
    test, timing, memory = record.test, record.timing, record.memory
    return {
        "result/test_acc1": test.acc1,
        "result/val_acc1": record.best.val_acc1,
        "result/epoch_s": timing.epoch_s,
        "result/images_per_s": timing.images_per_s,
        "result/params": record.model.params if record.model else None,
        "result/test_acc5": test.acc5,
        "result/test_loss": test.loss,
        "result/peak_rss_mib": memory.peak_rss_mib,
        "result/peak_gpu_mib": memory.peak_gpu_mib,
    }
