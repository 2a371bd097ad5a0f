"""train(config) -> Run: one run, told top to bottom; without epochs, evaluate.py tests alone."""

import random
import shutil
import warnings
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import nn

from cnncompare.config.schema import Config
from cnncompare.config.trainer import TrainerConfig
from cnncompare.data.module import ImageData
from cnncompare.errors import RunError
from cnncompare.models import registry
from cnncompare.models.pretrained.finetune import freeze_backbone, head_parameters
from cnncompare.models.pretrained.transforms import PretrainedReference, pretrained_reference
from cnncompare.models.trim import trim_kernels
from cnncompare.runs.lifecycle import checkpoint_to_resume, close_on_exit, open_run
from cnncompare.runs.log_file import log_file
from cnncompare.runs.record import BestSection, TestSection
from cnncompare.runs.run import BEST_CHECKPOINT, CHECKPOINTS, LOG, TESTED, Run
from cnncompare.system.cores import available_cores
from cnncompare.system.malloc import keep_freed_memory
from cnncompare.system.ranks import is_rank_zero
from cnncompare.training.callbacks.divergence import DivergenceMonitor
from cnncompare.training.callbacks.epoch_recorder import EpochRecorder
from cnncompare.training.callbacks.interruption import Interruption
from cnncompare.training.callbacks.prediction_writer import PredictionWriter
from cnncompare.training.callbacks.progress import Progress
from cnncompare.training.checkpoints import load_checkpoint_weights
from cnncompare.training.distributed import broadcast_finished
from cnncompare.training.evaluate import evaluate, evaluate_beside
from cnncompare.training.health import TrainingFacts, check_health
from cnncompare.training.initial_record import write_initial_record
from cnncompare.training.lightning_module import ImageClassifier
from cnncompare.training.loggers.figures import draw_pictures
from cnncompare.training.loggers.hparams import log_hparams
from cnncompare.training.test_images import keep_test_images
from cnncompare.training.trainer import build_trainer


def train(config: Config, argv: list[str] | None = None, *, clocks_shared: bool = False) -> Run:
    """Train, validate each epoch, test once with the best epoch's weights; return the run.

    A finished record of the same configuration is returned as it is, unless `config.force`. An
    interrupted one is continued. Raises UserError before anything is written, RunError or
    Interrupted after the record says so. `argv` is the command that repeats the run;
    `clocks_shared` says that other jobs run beside it.
    """
    set_up_torch(config)
    known = find_pretrained_reference(config)
    data = build_data(config, known)
    with Interruption() as interruption:
        data.prepare()
        model = build_model(config, data)
        classes = data.present_classes.tolist() if config.data.mask_classes else None
        task = build_task(config, model, classes)
        if not is_rank_zero():  # Lightning started this process for another device
            if not config.trains:
                return evaluate_beside(config.run_folder(), config, task, data, interruption)
            return _train_beside(config, task, data, interruption)
        with open_run(config, registry.size_mb(model.network)) as run:
            if run.record.status == "finished":
                broadcast_finished(build_trainer(run.folder, config, []), finished=True)
                return run
            write_initial_record(run, config, model, data, argv, clocks_shared, known)
            with log_file(run.folder / LOG), close_on_exit(run):
                one_way = _fit_and_test if config.trains else evaluate
                _show(run, config, data, one_way(run, config, task, data, interruption))
    return run


def set_up_torch(config: Config) -> None:
    """Set precision, threads, determinism and warnings of this process for the run."""
    keep_freed_memory()
    torch.set_float32_matmul_precision(config.trainer.matmul_precision)
    threads = config.trainer.threads or max(1, available_cores() // config.trainer.devices)
    torch.set_num_threads(threads)
    # Filling fresh memory is part of torch's deterministic mode; no result here rests on it.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    warnings.filterwarnings(  # Lightning 2.6 uses what torch 2.14 means to remove
        "ignore", message=".*LeafSpec.* is deprecated", category=FutureWarning
    )
    warnings.filterwarnings(  # it is meant: a run that is continued has checkpoints
        "ignore", message="Checkpoint directory .* exists and is not empty"
    )
    warnings.filterwarnings(  # batches are cut from one tensor in memory: no workers to add
        "ignore", message=".*does not have many workers.*", module="pytorch_lightning.*"
    )


def find_pretrained_reference(config: Config) -> PretrainedReference | None:
    """Return what is known of the model's weights, if the data are prepared as for them."""
    if config.data.source != "imagenet" and config.data.normalize != "weights":
        return None
    return pretrained_reference(config.model.source, config.model.name, config.model.weights)


def build_data(config: Config, known: PretrainedReference | None) -> ImageData:
    """Return the data module, with the transform of the pretrained weights where it is `known`."""
    transform = known.transform if known else None
    return ImageData(config.data, seed=config.seed, weights_transform=transform)


def build_model(config: Config, data: ImageData) -> registry.BuiltModel:
    """Return the network, its random weights drawn from the run's seed."""
    random.seed(config.seed)
    torch.manual_seed(config.seed)
    if config.model.module is not None:
        import_module(config.model.module)
    model = registry.build(
        config.model.name,
        source=config.model.source,
        classes=len(data.classes),
        image_shape=data.image_shape,
        stem=config.model.stem,
        options=config.model.options,
        weights=config.model.weights,
        weights_map=config.model.weights_map,
    )
    return _prepared_for_fine_tuning(model, config, data)


def _prepared_for_fine_tuning(
    model: registry.BuiltModel, config: Config, data: ImageData
) -> registry.BuiltModel:
    if config.model.freeze == "none" and config.model.head_lr is None:
        return model
    head = frozenset(head_parameters(model.network, data.image_shape))
    if config.model.freeze == "backbone":
        freeze_backbone(model.network, set(head))
    return replace(model, head=head)


def _fit_and_test(
    run: Run,
    config: Config,
    task: ImageClassifier,
    data: ImageData,
    interruption: Interruption,
) -> pl.Trainer:
    recorder = EpochRecorder(run.folder)
    progress = Progress(config.display.progress)
    saver = PredictionWriter(run.folder)
    monitor = DivergenceMonitor(config.optimizer.lr, own_learning_rate(config))
    callbacks: list[Callback] = [interruption, monitor, recorder, saver, progress]
    trainer = build_trainer(run.folder, config, callbacks)
    _write_accelerator(run, trainer)
    broadcast_finished(trainer, finished=False)
    trainer.fit(task, datamodule=data, ckpt_path=checkpoint_to_resume(run), weights_only=True)
    _record_training(run, recorder)
    _record_health(run, config, data, monitor)
    _test(trainer, task, data, run.folder)
    _record_test(run, task)
    return trainer


def _show(run: Run, config: Config, data: ImageData, trainer: pl.Trainer) -> None:
    """Leave the test's images and pictures, and give up what only a test that goes on needs."""
    keep_test_images(data, run.folder.parent)
    draw_pictures(trainer.loggers, run, data, config.display)
    log_hparams(trainer.loggers, run.record)
    for logger in trainer.loggers:
        logger.finalize("success")
    shutil.rmtree(run.folder / TESTED, ignore_errors=True)


def _train_beside(
    config: Config, task: ImageClassifier, data: ImageData, interruption: Interruption
) -> Run:
    """Take part in the training of the first process, which alone writes."""
    folder = config.run_folder()
    callbacks: list[Callback] = [
        interruption,
        DivergenceMonitor(config.optimizer.lr, own_learning_rate(config)),
        EpochRecorder(folder),
        PredictionWriter(folder),
    ]
    trainer = build_trainer(folder, config, callbacks)
    finished = broadcast_finished(trainer, finished=None)
    run = Run.read(folder)
    if finished:
        return run
    trainer.fit(task, datamodule=data, ckpt_path=checkpoint_to_resume(run), weights_only=True)
    _test(trainer, task, data, folder)
    return run


def apply_speed_settings(network: nn.Module, settings: TrainerConfig) -> None:
    """Trim and compile the network in place, as far as asked."""
    if settings.trim_kernels:
        trim_kernels(network)
    if settings.compile:
        network.compile()


def build_task(
    config: Config, model: registry.BuiltModel, classes: Sequence[int] | None = None
) -> ImageClassifier:
    """Return the Lightning module; `classes` are the only ones that a test image can be of."""
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
        classes=classes,
    )


def _test(trainer: pl.Trainer, task: ImageClassifier, data: ImageData, folder: Path) -> None:
    # not by ckpt_path: with a moving average Lightning would restore the weights beside it
    task.load_state_dict(load_checkpoint_weights(folder / CHECKPOINTS / BEST_CHECKPOINT))
    trainer.test(task, datamodule=data, verbose=False)


def _write_accelerator(run: Run, trainer: pl.Trainer) -> None:
    """Write down what `auto` came to."""
    if run.record.training is not None:
        run.record.training.accelerator = trainer.strategy.root_device.type
        run.save()


def _record_training(run: Run, recorder: EpochRecorder) -> None:
    rows = run.epochs()
    best = max(rows, key=lambda row: row["val_acc1"] or 0.0)  # the first of equals
    run.record.best = BestSection(epoch=int(best["epoch"] or 0), val_acc1=best["val_acc1"])
    if run.record.training is not None:
        run.record.training.epochs_done = len(rows)
        if run.record.training.protocol == "test_as_val":
            run.record.training.test_reads = len(rows) + 1
    run.record.timing = recorder.timing(run.record.best.epoch)
    run.record.memory = recorder.memory()
    run.save()


def own_learning_rate(config: Config) -> float:
    """Return the model's own learning rate for the optimizer in use."""
    rate: float = getattr(config.model.lr, config.optimizer.name)
    return rate


def _record_health(run: Run, config: Config, data: ImageData, monitor: DivergenceMonitor) -> None:
    assert run.record.training is not None
    rows = run.epochs()
    steps_per_epoch = max(1, (data.n_train or 0) // config.data.batch_size)
    facts = TrainingFacts(
        first_loss=monitor.first_loss,
        n_train=data.n_train or 0,
        n_val=int(data.val_class_counts.sum()),
        largest_val_class=int(data.val_class_counts.max()),
        batch_size=config.data.batch_size,
        steps=steps_per_epoch * len(rows),
        own_lr=own_learning_rate(config),
    )
    run.record.training.health = check_health(rows, facts)
    run.save()


def _record_test(run: Run, task: ImageClassifier) -> None:
    counted = task.test_result
    expected = run.record.data.n_test if run.record.data else None
    if counted is None or counted["n"] != expected:
        found = counted and counted["n"]
        raise RunError(f"{found} test images were counted, there are {expected}")
    run.record.test = TestSection.model_validate(counted)
    run.save()
