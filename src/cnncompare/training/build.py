"""Builders of a run's torch settings, data, network and Lightning module."""

import random
import warnings
from dataclasses import replace

import torch
from torch import nn

from cnncompare.config.schema import Config
from cnncompare.config.trainer import TrainerConfig
from cnncompare.data.module import ImageData
from cnncompare.data.training_batches import PLAIN, TrainingBatches
from cnncompare.extensions.modules import import_own_module
from cnncompare.models import registry
from cnncompare.models.pretrained.finetune import freeze_backbone, head_parameters
from cnncompare.models.pretrained.transforms import PretrainedReference, pretrained_reference
from cnncompare.models.trim import trim_kernels
from cnncompare.system.cores import available_cores
from cnncompare.system.malloc import keep_freed_memory
from cnncompare.training.class_weights import loss_weights
from cnncompare.training.lightning_module import ImageClassifier


def set_up_torch(config: Config) -> None:
    """Apply the process-wide settings: threads, precision of matrix products, warnings."""
    keep_freed_memory()
    torch.set_float32_matmul_precision(config.trainer.matmul_precision)
    torch.set_num_threads(
        config.trainer.threads or max(1, available_cores() // config.trainer.devices_per_node)
    )
    # Torch's deterministic mode also fills new memory; no result here reads uninitialised memory.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    warnings.filterwarnings(  # Lightning 2.6 uses an interface that torch 2.14 deprecates
        "ignore", message=".*LeafSpec.* is deprecated", category=FutureWarning
    )
    warnings.filterwarnings(  # intended: a resumed run has checkpoints
        "ignore", message="Checkpoint directory .* exists and is not empty"
    )
    warnings.filterwarnings(  # batches are cut from one tensor in memory; workers would not help
        "ignore", message=".*does not have many workers.*", module="pytorch_lightning.*"
    )
    warnings.filterwarnings(  # Slurm is installed, and this is no job of it
        "ignore", message="The `srun` command is available.*"
    )


def find_pretrained_reference(config: Config) -> PretrainedReference | None:
    """Return transform and accuracies of the weights, None unless the data use their transform."""
    if config.data.source != "imagenet" and config.data.normalize != "weights":
        return None
    return pretrained_reference(config.model.source, config.model.name, config.model.weights)


def build_data(config: Config, reference: PretrainedReference | None) -> ImageData:
    """Return the data module, with the transform of the weights as its default if there is one."""
    transform = reference.transform if reference else None
    augmentations = [own.build() for own in config.augmentations.own("augmentations")]
    return ImageData(
        config.data,
        seed=config.seed,
        weights_transform=transform,
        augmentations=augmentations,
        training=_training_batches(config.trainer) if config.trains else PLAIN,
    )


def _training_batches(settings: TrainerConfig) -> TrainingBatches:
    return TrainingBatches(
        accumulate=settings.accumulate_grad_batches,
        repeat_order=settings.overfit_batches is not None,
        test_batches=settings.fast_dev_run or None,
    )


def build_model(config: Config, data: ImageData) -> registry.BuiltModel:
    """Return the network with its initial or pretrained weights, derived from the seed alone."""
    random.seed(config.seed)
    torch.manual_seed(config.seed)
    if config.model.module is not None:
        import_own_module(config.model.module, "model.module")
    model = registry.build(
        config.model.name,
        source=config.model.source,
        classes=len(data.classes),
        image_shape=data.image_shape,
        stem=config.model.stem,
        options=config.model.options,
        weights=config.model.weights,
        weights_map=config.model.weights_map,
        new_head=config.trains,
    )
    return _prepare_fine_tuning(model, config, data)


def _prepare_fine_tuning(
    model: registry.BuiltModel, config: Config, data: ImageData
) -> registry.BuiltModel:
    if config.model.freeze == "none" and config.model.head_lr is None:
        return model
    head = frozenset(head_parameters(model.network, data.image_shape))
    if config.model.freeze == "backbone":
        freeze_backbone(model.network, set(head))
    return replace(model, head=head)


def build_task(config: Config, model: registry.BuiltModel, data: ImageData) -> ImageClassifier:
    """Return the Lightning module of the network and the prepared data.

    Raises DataError if the classes cannot be weighted.
    """
    own_metrics = config.metrics.own("metrics")
    apply_speed_settings(model.network, config.trainer)
    return ImageClassifier(
        model.network,
        seed=config.seed,
        loss=config.loss,
        optimizer=config.optimizer,
        scheduler=config.scheduler,
        aux_weight=model.aux_weight,
        channels_last=config.trainer.channels_last,
        head=model.head,
        head_lr=config.model.head_lr,
        classes=data.present_classes.tolist() if config.data.mask_classes else None,
        metrics={own.name: own.build(classes=len(data.classes)) for own in own_metrics},
        class_weights=loss_weights(config, data),
        balanced_classes=len(data.classes) if config.balances_classes else None,
        max_steps=config.trainer.max_steps,
    )


def apply_speed_settings(network: nn.Module, settings: TrainerConfig) -> None:
    """Trim kernels and compile the network in place, as configured."""
    if settings.trim_kernels:
        trim_kernels(network)
    if settings.compile:
        network.compile()
