"""One run from start to finish; with zero epochs, a test of pretrained weights."""

import multiprocessing
import shutil
import sys
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from cnncompare.config.data import LARGEST_BATCH
from cnncompare.config.schema import Config
from cnncompare.data.module import ImageData
from cnncompare.data.survey import report_conversions
from cnncompare.errors import ConfigError, RunError
from cnncompare.models import registry
from cnncompare.models.checkpoint import load_checkpoint_weights
from cnncompare.runs.leaks import recorded_leaks
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
from cnncompare.stats.imbalance import ADVICE, imbalance_sentence
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
from cnncompare.training.callbacks.interruption import Interruption
from cnncompare.training.changed_data import check_data_unchanged
from cnncompare.training.class_results import record_class_results
from cnncompare.training.components import check_components
from cnncompare.training.distributed import broadcast_finished
from cnncompare.training.evaluate import evaluate, join_evaluation
from cnncompare.training.health import TrainingFacts, check_health
from cnncompare.training.initial_record import log_ignored_files, write_initial_record
from cnncompare.training.lightning_module import ImageClassifier
from cnncompare.training.loggers.figures import log_figures
from cnncompare.training.loggers.hparams import log_hparams
from cnncompare.training.test_images import keep_test_images
from cnncompare.training.trainer import build_trainer


def train(config: Config, argv: list[str] | None = None, *, clocks_shared: bool = False) -> Run:
    """Train, validate after each epoch, test once with the selected epoch's weights; return it.

    With `config.test` false, the test set is not evaluated.

    A finished run of the same configuration is returned unchanged unless `config.force` is set;
    an interrupted run is resumed. Raises UserError before anything is written, and RunError or
    Interrupted after the record has been closed with the reason. `argv` is the command that
    repeats the run; `clocks_shared` is recorded if other jobs run at the same time.
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
        _check_batch_size(config, data)
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
            write_initial_record(run, config, model, data, argv, clocks_shared, reference, budget)
            _print_leaks(run)
            _print_imbalance(config, run)
            with log_file(run.folder / LOG), close_on_exit(run):
                report_conversions(data.survey)
                log_ignored_files(data)
                measure = _fit_and_test if config.trains else evaluate
                trainer = measure(run, config, task, data, interruption)
                _complete(run, config, data, trainer)
    return run


def _print_leaks(run: Run) -> None:
    sentence = recorded_leaks(run.record.data)
    if sentence:
        print(f"cnncompare: {sentence}; cnncompare data lists them", file=sys.stderr, flush=True)


def _print_imbalance(config: Config, run: Run) -> None:
    imbalance = run.record.data and run.record.data.imbalance
    if imbalance and imbalance.is_large:
        print(f"cnncompare: {imbalance_sentence(imbalance)}; {ADVICE}", file=sys.stderr, flush=True)
    if config.trains and config.data.balance and config.loss.class_weights != "none":
        print(
            f"cnncompare: data.balance=true and loss.class_weights={config.loss.class_weights} "
            "both favour the small classes; use one of them unless that is intended",
            file=sys.stderr,
            flush=True,
        )


def _check_main_guard() -> None:
    """Raise ConfigError in a process that imports the script which started it.

    Otherwise it would wait for the locks that the training in the script holds.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise ConfigError(
            "train() was called again by a new process that imports the script: put the call "
            "below if __name__ == '__main__':"
        )


def _check_batch_size(config: Config, data: ImageData) -> None:
    """Report a batch size that was chosen for a small training split.

    Raises ConfigError if it cannot be divided over the devices.
    """
    if config.data.batch_size != "auto" or data.batch_size == LARGEST_BATCH:
        return
    devices = config.trainer.processes
    if data.batch_size % devices:
        raise ConfigError(
            f"data.batch_size=auto is {data.batch_size} for {data.n_train} training images, which "
            f"{devices} devices cannot share; give data.batch_size={devices} or a multiple"
        )
    if is_rank_zero():
        print(
            f"cnncompare: batch size {data.batch_size}, chosen for {data.n_train} training images "
            "(data.batch_size=auto)",
            file=sys.stderr,
            flush=True,
        )


def _fit_and_test(
    run: Run,
    config: Config,
    task: ImageClassifier,
    data: ImageData,
    interruption: Interruption,
) -> pl.Trainer:
    callbacks = build_callbacks(config, process_rank(), interruption=interruption)
    trainer = build_trainer(run.folder, config, callbacks)
    _record_accelerator(run, trainer)
    broadcast_finished(trainer, finished=False)
    trainer.fit(task, datamodule=data, ckpt_path=checkpoint_to_resume(run), weights_only=True)
    _record_training(run, find_callback(callbacks, EpochRecorder))
    _record_health(run, config, data, find_callback(callbacks, DivergenceMonitor).first_loss)
    if config.test:
        _test(trainer, task, data, run.folder)
        _record_test(run, task)
        record_class_results(run, data.class_names)
    return trainer


def _join_training(
    config: Config, task: ImageClassifier, data: ImageData, interruption: Interruption
) -> Run:
    """Train and test on another rank; the first process writes all files."""
    folder = config.run_folder()
    callbacks = build_callbacks(config, process_rank(), interruption=interruption)
    trainer = build_trainer(folder, config, callbacks)
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
    best = max(rows, key=lambda row: row["val_acc1"] or 0.0)  # the earliest on a tie
    best_epoch = int(best["epoch"] or 0)
    settings: dict[str, Any] = {"epochs_done": len(rows)}
    if budget := used_of(run):
        settings["budget"] = budget
    if run.record.training is not None and run.record.training.protocol == "test_as_val":
        settings["test_reads"] = len(rows) + run.record.training.test_reads
    record_progress(
        run,
        training=settings,
        best=BestSection(epoch=best_epoch, val_acc1=best["val_acc1"]),
        timing=recorder.timing(best_epoch),
        memory=recorder.memory(),
    )


def _record_health(run: Run, config: Config, data: ImageData, first_loss: float | None) -> None:
    assert data.n_train is not None
    rows = run.epochs()
    facts = TrainingFacts(
        first_loss=first_loss,
        n_train=data.n_train,
        n_val=int(data.val_class_counts.sum()),
        largest_val_class=int(data.val_class_counts.max()),
        batch_size=data.batch_size,
        steps=max(1, data.n_train // data.batch_size) * len(rows),
        own_lr=own_learning_rate(config),
        drawn=config.data.balance,
        has_budget=config.budget.is_set,
        balanced_classes=data.val_class_counts.tolist() if config.balances_classes else None,
    )
    record_progress(run, training={"health": check_health(rows, facts)})


def _record_test(run: Run, task: ImageClassifier) -> None:
    result = task.test_result
    expected = run.record.data.n_test if run.record.data else None
    if result is None or result["n"] != expected:
        raise RunError(f"{result and result['n']} test images were counted, expected {expected}")
    record_progress(run, test=TestSection.model_validate(result))
