"""Initial record of a run: its settings and environment, config.yaml and class names."""

import json
import logging
from contextlib import suppress
from typing import Any

import torch
import yaml

from cnncompare.config.data import DataConfig
from cnncompare.config.options import recorded_settings
from cnncompare.config.schema import Config
from cnncompare.data.file_states import record_states, to_json
from cnncompare.data.module import ImageData
from cnncompare.data.source import Pool
from cnncompare.data.split_table import format_split_table
from cnncompare.data.transform import deviations
from cnncompare.data.walk import describe_ignored
from cnncompare.models import registry
from cnncompare.models.operations import trace_operations
from cnncompare.models.pretrained.transforms import PretrainedReference
from cnncompare.runs.budget import BudgetSection
from cnncompare.runs.lifecycle import start_run
from cnncompare.runs.record import (
    LAST_EPOCH,
    ComponentSection,
    DataSection,
    EnvironmentSection,
    EvaluationSection,
    LeaksSection,
    ModelSection,
    TrainingSection,
)
from cnncompare.runs.reference_section import ReferenceResultSection
from cnncompare.runs.resampling import ResamplingSection
from cnncompare.runs.run import CLASSES, CONFIG, DATA_FILES, SPLIT, Run
from cnncompare.runs.storage import write_atomically
from cnncompare.stats.imbalance import Imbalance, measure_imbalance
from cnncompare.system.environment import describe_environment
from cnncompare.training.class_weights import loss_weights
from cnncompare.training.planned_length import planned_length

log = logging.getLogger(__name__)

# Hydra reads this file as a primary configuration; these lines keep it from creating folders.
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


def write_initial_record(
    run: Run,
    config: Config,
    model: registry.BuiltModel,
    data: ImageData,
    argv: list[str] | None,
    clocks_shared: bool = False,
    reference: PretrainedReference | None = None,
    budget: BudgetSection | None = None,
) -> None:
    """Write the record with status running, the configuration and the class names.

    `reference` is the transform and the accuracies of the pretrained weights; `budget` is that from
    which the epochs were chosen.
    """
    if config.trains:
        training = _training_section(config, model, data, clocks_shared)
        settings: dict[str, Any] = {"training": training.model_copy(update={"budget": budget})}
    else:
        section = _evaluation_section(config, model, data, clocks_shared, reference)
        settings = {"evaluation": section}
    start_run(
        run,
        model=_model_section(model, data),
        data=_data_section(config, data),
        environment=EnvironmentSection(**describe_environment(argv)),
        components=_component_sections(config),
        **settings,
    )
    asked = config.with_epochs() if config.budget.is_set else config  # as it was asked for
    text = RERUN_HEADER + yaml.safe_dump(asked.model_dump(), sort_keys=False)
    write_atomically(run.folder / CONFIG, text.encode())
    names = json.dumps(data.class_names, ensure_ascii=False, indent=1)
    write_atomically(run.folder / CLASSES, names.encode())
    states = record_states(config.data, data.survey.hashes() if data.survey else {})
    if states is not None:
        write_atomically(run.folder / DATA_FILES, to_json(states))
    if data.split_rows is not None:
        write_atomically(run.folder / SPLIT, format_split_table(data.split_rows))


def _component_sections(config: Config) -> list[ComponentSection]:
    return [
        ComponentSection(
            kind=own.registry.kind,
            name=own.name,
            module=own.module,
            sha256=config.module_sha256(own.module),
        )
        for own in config.own_components()
    ]


def log_ignored_files(data: ImageData) -> None:
    """Log the numbers of ignored files; the run's log file did not exist when they were found."""
    if data.ignored_files:
        log.info("%s: %s", data.config.root, describe_ignored(data.ignored_files))


def _model_section(model: registry.BuiltModel, data: ImageData) -> ModelSection:
    return ModelSection(
        name=model.name,
        source=model.source,
        stem=model.stem,
        pretrained=model.weights,
        params=registry.count_params(model.network),
        macs=registry.count_macs(model.network, data.image_shape),
        depth=_depth(model, data),
        size_mb=round(registry.size_mb(model.network), 3),
        input_size=list(data.image_shape),
    )


def _depth(model: registry.BuiltModel, data: ImageData) -> int | None:
    """Return the weighted layers on the longest path, None if they cannot be followed."""
    with suppress(Exception):  # of an operation in a user's network; the depth stops no training
        return trace_operations(model.network, data.image_shape).depth
    return None


def _data_section(config: Config, data: ImageData) -> DataSection:
    leaks = data.count_leaks()
    return DataSection(
        name=config.data.name,
        classes=len(data.classes),
        n_train=data.n_train,
        n_val=data.n_val,
        n_test=data.n_test,
        fingerprint=data.fingerprint,
        conversions=data.survey.conversions if data.survey else {},
        pixel_ranges=data.survey.ranges.by_kind() if data.survey else {},
        ignored_files=data.ignored_files,
        leaks=None if leaks is None else LeaksSection(identical=leaks),
        imbalance=_imbalance(data),
        resampling=_resampling_section(config.data, data.pool),
    )


def _resampling_section(config: DataConfig, pool: Pool | None) -> ResamplingSection | None:
    if pool is None:
        return None
    limits = {"train": config.limit_train, "val": config.limit_val, "test": config.limit_test}
    return ResamplingSection(
        method="holdouts" if config.fold is None else "folds",
        number=config.fold or config.holdout or 0,
        count=config.folds,
        test_fraction=config.test_fraction if config.fold is None else None,
        n=len(pool),
        fingerprint=pool.fingerprint,
        limits={split: limit for split, limit in limits.items() if limit is not None},
    )


def _imbalance(data: ImageData) -> Imbalance | None:
    """Return the imbalance of the training split, or of the test split if it alone is large."""
    test = torch.bincount(data.test_labels, minlength=len(data.classes))
    splits = {"train": data.train_class_counts, "test": test}
    found = [
        imbalance
        for split, counts in splits.items()
        if counts is not None
        and (imbalance := measure_imbalance(split, counts.tolist(), data.class_names))
    ]
    return next((imbalance for imbalance in found if imbalance.is_large), next(iter(found), None))


def _as_used(
    config: Config, model: registry.BuiltModel, data: ImageData, clocks_shared: bool
) -> dict[str, Any]:
    """Return what was determined for both kinds of runs, such as the batch size of `auto`."""
    trainer = config.trainer
    return {
        "batch_size": data.batch_size,
        "devices": trainer.processes,
        "strategy": "ddp" if trainer.uses_ddp else "single_device",
        "test_reads": int(config.test),
        "image_size": data.image_shape[1],
        "mean": list(data.mean),
        "std": list(data.std),
        "model_changes": list(model.changes),
        "callbacks": config.callbacks.enabled(),
        "weights_prefix": model.weights_prefix,
        "clocks_shared": clocks_shared,
        "recipe_hash": config.recipe_hash(),
    }


def _training_section(
    config: Config, model: registry.BuiltModel, data: ImageData, clocks_shared: bool
) -> TrainingSection:
    weights = loss_weights(config, data)
    settings = recorded_settings(config, trains=True, also=set(TrainingSection.model_fields))
    used = _as_used(config, model, data, clocks_shared) | {
        "epochs_done": 0,
        "max_epochs": planned_length(config, data).epochs,
        "incomparable": config.trainer.partial_options,
        "augment": config.data.augment.model_dump() | config.augmentations.model_dump(),
        "class_weights": None if weights is None else weights.tolist(),
        "selection": _selection(config),
        "budget": None,
        "tuning": None if config.tuning.setting is None else config.tuning.model_dump(),
    }
    if config.trainer.profiler is not None:  # makes the measured times longer
        used["profiler"] = config.trainer.profiler
    return TrainingSection(**settings | used)


def _selection(config: Config) -> str:
    if config.data.selection == "last":
        return LAST_EPOCH
    on_test = config.data.protocol == "test_as_val"
    return "best epoch on the test set" if on_test else "best epoch on validation"


def _evaluation_section(
    config: Config,
    model: registry.BuiltModel,
    data: ImageData,
    clocks_shared: bool,
    reference: PretrainedReference | None,
) -> EvaluationSection:
    transform = data.transform
    settings = recorded_settings(config, trains=False, also=set(EvaluationSection.model_fields))
    used = _as_used(config, model, data, clocks_shared) | {
        "transform_of": reference.origin if reference and transform else None,
        "resize": transform.resize if transform else None,
        "interpolation": transform.interpolation if transform else None,
        "squash": transform.squash if transform else False,
        "preprocessing_deviations": deviations(transform, reference.transform)
        if transform and reference
        else [],
        "weights_map": model.weights_map,
        "corrupt_images": [],
        "notes": data.notes,
        "reference_result": _reference_result(reference)
        if config.data.source == "imagenet"
        else None,
    }
    return EvaluationSection(**settings | used)


def _reference_result(reference: PretrainedReference | None) -> ReferenceResultSection | None:
    if reference is None or reference.acc1 is None or reference.acc5 is None:
        return None
    source = reference.accuracy_source or reference.origin
    return ReferenceResultSection(acc1=reference.acc1, acc5=reference.acc5, source=source)
