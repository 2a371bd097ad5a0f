"""One run from start to finish; with zero epochs, a test of pretrained weights."""

import multiprocessing
import shutil
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from cnncompare.config.schema import Config
from cnncompare.data.module import ImageData
from cnncompare.data.survey import report_conversions
from cnncompare.errors import ConfigError, RunError
from cnncompare.models import registry
from cnncompare.models.checkpoint import load_checkpoint_weights
from cnncompare.runs.lifecycle import (
    checkpoint_to_resume,
    close_on_exit,
    is_finished,
    open_run,
    record_progress,
)
from cnncompare.runs.log_file import log_file
from cnncompare.runs.record import BestSection, TestSection
from cnncompare.runs.run import CHECKPOINTS, LOG, TESTED, Run, tested_checkpoint
from cnncompare.system.ranks import is_rank_zero, process_rank
from cnncompare.training.budget import choose_by_budget, used_of
from cnncompare.training.build import (
    build_data,
    build_model,
    build_task,
    find_pretrained_reference,
    set_up_torch,
)
from cnncompare.training.callbacks.build import (
    build_callbacks,
    find_callback,
    own_learning_rate,
)
from cnncompare.training.callbacks.divergence import DivergenceMonitor
from cnncompare.training.callbacks.epoch_recorder import EpochRecorder
from cnncompare.training.callbacks.inference_cost import InferenceCost
from cnncompare.training.callbacks.interruption import Interruption
from cnncompare.training.callbacks.limits import TimeLimit
from cnncompare.training.changed_data import check_data_unchanged
from cnncompare.training.class_results import record_class_results
from cnncompare.training.components import check_components
from cnncompare.training.distributed import broadcast_finished
from cnncompare.training.evaluate import Measured, evaluate, join_evaluation
from cnncompare.training.health import TrainingFacts, check_health
from cnncompare.training.initial_record import log_ignored_files, write_initial_record
from cnncompare.training.lightning_module import ImageClassifier
from cnncompare.training.loggers.figures import log_figures
from cnncompare.training.loggers.hparams import log_hparams
from cnncompare.training.loggers.tensorboard import log_description
from cnncompare.training.opening_remarks import print_remarks
from cnncompare.training.planned_length import check_batches, planned_length
from cnncompare.training.test_images import keep_test_images
from cnncompare.training.trainer import build_trainer


def train(
    config: Config,
    argv: list[str] | None = None,
    *,
    clocks_shared: bool = False,
    title: str = "",
) -> Run:
    """Train, validate after each epoch, test once with the selected epoch's weights; return it.

    With `config.test` false, the test set is not evaluated.

    A finished run of the same configuration is returned unchanged unless `config.force` is set;
    an interrupted run is resumed. Raises UserError before anything is written, and RunError or
    Interrupted after the record has been closed with the reason. `argv` is the command that
    repeats the run; `clocks_shared` is recorded if other jobs run at the same time; `title`, the
    name of a sweep's job, begins the lines of the epochs.
    """
    _check_main_guard()
    if is_rank_zero():
        check_data_unchanged(config)
    check_components(config)
    set_up_torch(config)
    reference = find_pretrained_reference(config)
    data = build_data(config, reference)
    with Interruption() as interruption:
        data.prepare()
        check_batches(config, data)
        budget = None
        if config.budget.is_set and is_rank_zero():
            config, budget = choose_by_budget(
                config, data, [interruption], clocks_shared=clocks_shared
            )
        model = build_model(config, data)
        task = build_task(config, model, data)
        if not is_rank_zero():  # Lightning started this process for another device
            join = _join_training if config.trains else join_evaluation
            return join(config, task, data, interruption)
        with open_run(config, registry.size_mb(model.network)) as run:
            if is_finished(run):
                broadcast_finished(build_trainer(run.folder, config, []), finished=True)
                return run
            with log_file(run.folder / LOG), close_on_exit(run):
                # within, so that a signal never leaves a record with status running
                write_initial_record(
                    run, config, model, data, argv, clocks_shared, reference, budget
                )
                print_remarks(config, run)
                report_conversions(data.survey)
                log_ignored_files(data)
                measure = partial(_fit_and_test, title=title) if config.trains else evaluate
                trainer, tested = measure(run, config, task, data, interruption)
                if config.test:
                    record_class_results(run, tested.class_names)
                _record_inference(run, trainer, task)
                _complete(run, config, tested, trainer)
    return run


def _check_main_guard() -> None:
    """Raise ConfigError in a process that imports the script which started it.

    Otherwise it would wait for the locks that the training in the script holds.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise ConfigError(
            "train() was called again by a new process that imports the script: put the call "
            "below if __name__ == '__main__':"
        )


def _fit_and_test(
    run: Run,
    config: Config,
    task: ImageClassifier,
    data: ImageData,
    interruption: Interruption,
    *,
    title: str,
) -> Measured:
    callbacks = build_callbacks(config, process_rank(), interruption=interruption, title=title)
    length = planned_length(config, data)
    trainer = build_trainer(run.folder, config, callbacks, length.epochs)
    _record_accelerator(run, trainer)
    log_description(trainer.loggers, config)
    broadcast_finished(trainer, finished=False)
    trainer.fit(task, datamodule=data, ckpt_path=checkpoint_to_resume(run), weights_only=True)
    _record_training(run, find_callback(callbacks, EpochRecorder))
    if trainer.global_step < length.steps:
        _record_time_limit(run, config, callbacks)
    first_loss = find_callback(callbacks, DivergenceMonitor).first_loss
    _record_health(run, config, data, first_loss, trainer.global_step)
    if config.test:
        _test(trainer, task, data, run.folder)
        _record_test(run, task)
    return Measured(trainer, data)


def _join_training(
    config: Config, task: ImageClassifier, data: ImageData, interruption: Interruption
) -> Run:
    """Train and test on another rank; the first process writes all files."""
    folder = config.run_folder()
    callbacks = build_callbacks(config, process_rank(), interruption=interruption)
    trainer = build_trainer(folder, config, callbacks, planned_length(config, data).epochs)
    finished = broadcast_finished(trainer, finished=None)
    run = Run.read(folder)
    if finished:
        return run
    if config.budget.is_set and run.record.training is not None:
        trainer.fit_loop.max_epochs = run.record.training.max_epochs
    trainer.fit(task, datamodule=data, ckpt_path=checkpoint_to_resume(run), weights_only=True)
    if config.test:
        _test(trainer, task, data, folder)
    return run


def _test(trainer: pl.Trainer, task: ImageClassifier, data: ImageData, folder: Path) -> None:
    # not by ckpt_path: with weight averaging Lightning would restore the unaveraged weights
    selected = tested_checkpoint(Run.read(folder).record)
    task.load_state_dict(load_checkpoint_weights(folder / CHECKPOINTS / selected))
    trainer.test(task, datamodule=data, verbose=False)


def _complete(run: Run, config: Config, data: ImageData, trainer: pl.Trainer) -> None:
    """Write test images, figures and hyperparameters; remove the journal, now unneeded."""
    if config.test:
        keep_test_images(data, run.folder.parent)
        log_figures(trainer.loggers, run, data, config.display)
    log_hparams(trainer.loggers, config, run.record)
    for logger in trainer.loggers:
        logger.finalize("success")
    shutil.rmtree(run.folder / TESTED, ignore_errors=True)


def _record_accelerator(run: Run, trainer: pl.Trainer) -> None:
    """Record the device type that `auto` resolved to."""
    record_progress(run, training={"accelerator": trainer.strategy.root_device.type})


def _record_training(run: Run, recorder: EpochRecorder) -> None:
    rows = run.epochs()
    validated = [row for row in rows if row["val_acc1"] is not None]
    best = max(validated, key=lambda row: row["val_acc1"] or 0.0)  # the earliest on a tie
    best_epoch = int(best["epoch"] or 0)
    settings: dict[str, Any] = {"epochs_done": len(rows)}
    if budget := used_of(run):
        settings["budget"] = budget
    if run.record.training is not None and run.record.training.protocol == "test_as_val":
        settings["test_reads"] = len(validated) + run.record.training.test_reads
    record_progress(
        run,
        training=settings,
        best=BestSection(epoch=best_epoch, val_acc1=best["val_acc1"]),
        timing=recorder.timing(best_epoch),
        memory=recorder.memory(),
    )


def _record_time_limit(run: Run, config: Config, callbacks: list[Callback]) -> None:
    """Mark a training that ended before its planned length because its time was over."""
    training = run.record.training
    if training is not None and any(isinstance(c, TimeLimit) and c.reached for c in callbacks):
        reason = (
            f"trainer.max_time={config.trainer.max_time} ended the training in epoch "
            f"{training.epochs_done} of {training.max_epochs}"
        )
        record_progress(run, training={"incomparable": [*config.trainer.partial_options, reason]})


def _record_health(
    run: Run, config: Config, data: ImageData, first_loss: float | None, steps: int
) -> None:
    assert data.n_train is not None
    rows = run.epochs()
    facts = TrainingFacts(
        first_loss=first_loss,
        n_train=data.n_train,
        n_val=int(data.val_class_counts.sum()),
        largest_val_class=int(data.val_class_counts.max()),
        batch_size=data.batch_size,
        steps=steps,
        max_steps=config.trainer.max_steps,
        own_lr=own_learning_rate(config),
        drawn=config.data.balance,
        has_budget=config.budget.is_set,
        balanced_classes=data.val_class_counts.tolist() if config.balances_classes else None,
    )
    record_progress(run, training={"health": check_health(rows, facts)})


def _record_inference(run: Run, trainer: pl.Trainer, task: ImageClassifier) -> None:
    model = run.record.model
    assert model is not None
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        if isinstance(callback, InferenceCost):
            print("cnncompare: measuring latency and throughput", file=sys.stderr, flush=True)
            section = callback.measure(trainer, task, model.name, model.input_size)
            record_progress(run, inference=section)


def _record_test(run: Run, task: ImageClassifier) -> None:
    result = task.test_result
    expected = run.record.data.n_test if run.record.data else None
    if result is None or result["n"] != expected:
        raise RunError(f"{result and result['n']} test images were counted, expected {expected}")
    record_progress(run, test=TestSection.model_validate(result))
