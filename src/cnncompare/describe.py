"""What a run's record and config.yaml say of it before it is trained."""

import json

import yaml

from cnncompare.config import Config
from cnncompare.data.module import ImageData
from cnncompare.environment import describe_environment
from cnncompare.models import registry
from cnncompare.record import DataPart, ModelPart, TrainingPart
from cnncompare.run import CLASSES, CONFIG, Run, write_atomically

# Hydra takes this file as a primary configuration; the lines keep Hydra from writing folders.
RERUN_HEADER = """\
# Run it again: python -m cnncompare --config-path THIS_FOLDER force=true
defaults:
  - override hydra/job_logging: none
  - override hydra/hydra_logging: none
  - _self_
hydra:
  run: {dir: .}
  output_subdir: null
"""


def describe(
    run: Run,
    config: Config,
    model: registry.BuiltModel,
    data: ImageData,
    argv: list[str] | None,
    clocks_shared: bool = False,
) -> None:
    """Write the record as running, and beside it the configuration and the classes' names."""
    record = run.record
    record.status, record.error, record.finished_at = "running", None, None
    record.model = _model_part(model, data)
    record.data = _data_part(config, data)
    record.training = _training_part(config, model, data)
    record.training.clocks_shared = clocks_shared
    record.environment = describe_environment(argv)
    run.save()
    text = RERUN_HEADER + yaml.safe_dump(config.model_dump(), sort_keys=False)
    write_atomically(run.folder / CONFIG, text.encode())
    names = json.dumps(data.classes, ensure_ascii=False, indent=1)
    write_atomically(run.folder / CLASSES, names.encode())


def _model_part(model: registry.BuiltModel, data: ImageData) -> ModelPart:
    return ModelPart(
        name=model.name,
        source=model.source,
        stem=model.stem,
        pretrained=model.weights,
        params=registry.count_params(model.network),
        macs=registry.count_macs(model.network, data.image_shape),
        size_mb=round(registry.size_mb(model.network), 3),
        input_size=list(data.image_shape),
    )


def _data_part(config: Config, data: ImageData) -> DataPart:
    return DataPart(
        name=config.data.name,
        classes=len(data.classes),
        n_train=data.n_train,
        n_val=data.n_val,
        n_test=data.n_test,
        fingerprint=data.fingerprint,
    )


def _training_part(config: Config, model: registry.BuiltModel, data: ImageData) -> TrainingPart:
    trainer, on_test = config.trainer, config.data.protocol == "test_as_val"
    return TrainingPart(
        seed=config.seed,
        max_epochs=trainer.max_epochs,
        epochs_done=0,
        batch_size=config.data.batch_size,
        devices=trainer.processes,
        accelerator=trainer.accelerator,
        strategy=_strategy(config),
        precision=trainer.precision,
        optimizer=config.optimizer.name,
        lr=config.optimizer.lr,
        scheduler=config.scheduler.name,
        weight_decay=config.optimizer.weight_decay,
        label_smoothing=config.loss.label_smoothing,
        protocol=config.data.protocol,
        selection="best epoch on the test set" if on_test else "best epoch on validation",
        test_reads=1,
        val_fraction=config.data.val_fraction,
        split_seed=config.data.split_seed,
        image_size=data.image_shape[1],
        normalize=config.data.normalize,
        mean=list(data.mean),
        std=list(data.std),
        augment=config.data.augment.model_dump(),
        model_changes=list(model.changes),
        freeze=config.model.freeze,
        head_lr=config.model.head_lr,
        ema_decay=trainer.ema_decay,
        gradient_clip_norm=trainer.gradient_clip_norm,
        channels_last=trainer.channels_last,
        compile=trainer.compile,
        matmul_precision=trainer.matmul_precision,
        deterministic=trainer.deterministic,
        recipe_hash=config.recipe_hash(),
    )


def _strategy(config: Config) -> str:
    return "ddp" if config.trainer.processes > 1 else "single_device"
