"""Test of pretrained weights without training, compared with the reference result."""

import sys
from pathlib import Path
from typing import NamedTuple

import pytorch_lightning as pl
from torch import Tensor

from cnncompare.config.schema import Config
from cnncompare.data.module import ImageData
from cnncompare.models.best_classes import TOP
from cnncompare.runs.lifecycle import record_progress
from cnncompare.runs.record import EvaluationSection, MemorySection, TestSection, TimingSection
from cnncompare.runs.reference_section import DeviationEffectSection
from cnncompare.runs.run import PREDICTIONS, TESTED, Run
from cnncompare.system.memory import peak_gpu_mib, peak_rss_mib
from cnncompare.system.ranks import process_rank
from cnncompare.training.callbacks.build import build_callbacks, find_callback
from cnncompare.training.callbacks.evaluation_clock import EvaluationClock
from cnncompare.training.callbacks.evaluation_journal import EvaluationJournal
from cnncompare.training.callbacks.interruption import Interruption
from cnncompare.training.callbacks.prediction_writer import (
    Outputs,
    PredictionWriter,
    write_predictions,
)
from cnncompare.training.deviation_effects import deviation_effects
from cnncompare.training.distributed import broadcast_finished
from cnncompare.training.lightning_module import ImageClassifier
from cnncompare.training.loggers.tensorboard import log_description
from cnncompare.training.reference_check import (
    check_against_reference,
    class_order_effect,
    is_full_validation_set,
)
from cnncompare.training.trainer import build_trainer


def evaluate(
    run: Run,
    config: Config,
    task: ImageClassifier,
    data: ImageData,
    interruption: Interruption,
) -> "Measured":
    """Test each image once, resuming after an interruption, and complete the record."""
    section = run.record.evaluation
    assert section is not None
    for warning in (*section.preprocessing_deviations, *section.notes):
        print(f"cnncompare: warning: {warning}", file=sys.stderr, flush=True)
    journal, remaining, n_earlier = _resume(run.folder, data)
    callbacks = build_callbacks(config, process_rank(), interruption=interruption, journal=journal)
    trainer = build_trainer(run.folder, config, callbacks)
    record_progress(run, evaluation={"accelerator": trainer.strategy.root_device.type})
    log_description(trainer.loggers, config)
    broadcast_finished(trainer, finished=False)
    trainer.test(task, datamodule=remaining, verbose=False)
    if config.trainer.processes == 1 and not n_earlier:
        # now including the colour modes, since all images were read
        record_progress(run, evaluation={"notes": data.notes})
    clock = find_callback(callbacks, EvaluationClock)
    _record_costs(run, section, clock, n=data.n_test, n_earlier=n_earlier)
    outputs = find_callback(callbacks, PredictionWriter).outputs
    counted = _record_results(run, section, config, task, data, outputs, trainer)
    if task.test_result is not None and not n_earlier:  # the metrics saw all images
        record_progress(run, test={"metrics": task.test_result["metrics"]})
    return Measured(trainer, counted)


class Measured(NamedTuple):
    """The trainer of a run, whose loggers are still open, and the data that were tested."""

    trainer: pl.Trainer
    data: ImageData


def join_evaluation(
    config: Config, task: ImageClassifier, data: ImageData, interruption: Interruption
) -> Run:
    """Test on another rank; the first process alone writes the record."""
    folder = config.run_folder()
    journal, remaining, _ = _resume(folder, data)
    callbacks = build_callbacks(config, process_rank(), interruption=interruption, journal=journal)
    trainer = build_trainer(folder, config, callbacks)
    if not broadcast_finished(trainer, finished=None):
        trainer.test(task, datamodule=remaining, verbose=False)
    return Run.read(folder)


def _resume(folder: Path, data: ImageData) -> tuple[EvaluationJournal, ImageData, int]:
    """Return the journal, the data without the images that this rank tested, and their number."""
    journal = EvaluationJournal(folder / TESTED, process_rank(), min(5, len(data.classes)))
    earlier = journal.read(data.n_test)
    tested = set() if earlier is None else set(earlier["indices"].tolist())
    return journal, data.without_tested(tested), len(tested)


def _record_results(
    run: Run,
    section: EvaluationSection,
    config: Config,
    task: ImageClassifier,
    data: ImageData,
    outputs: Outputs,
    trainer: pl.Trainer,
) -> ImageData:
    """Return the data without the images that are skipped because they are corrupt."""
    corrupt = (outputs["labels"] < 0).nonzero().squeeze(1)
    outputs = _handle_corrupt_images(run, outputs, corrupt, data, section)
    write_predictions(run.folder / PREDICTIONS, outputs)
    skipped = corrupt if section.on_corrupt_image == "skip" else corrupt[:0]
    counted = data.without(skipped)
    _record_test(run, counted, outputs)
    effects = _effects(run, section, config, task, counted, outputs, skipped, trainer)
    check = check_against_reference(
        run.record.test,
        section.reference_result,
        is_full=_is_full(counted),
        deviations=section.preprocessing_deviations,
        effects=effects,
    )
    record_progress(run, evaluation={"check": check})
    return counted


def _handle_corrupt_images(
    run: Run, outputs: Outputs, corrupt: Tensor, data: ImageData, section: EvaluationSection
) -> Outputs:
    """Return the outputs with the images at positions `corrupt` counted as wrong, or skipped."""
    reasons = data.corrupt_images
    names = [reasons.get(position, data.test_image_name(position)) for position in corrupt.tolist()]
    record_progress(run, evaluation={"corrupt_images": names})
    if section.on_corrupt_image == "skip":
        readable = outputs["labels"] >= 0
        return {name: tensor[readable] for name, tensor in outputs.items()}
    counted = {name: tensor.clone() for name, tensor in outputs.items()}
    counted["labels"][corrupt] = data.test_labels[corrupt]
    counted["top5"][corrupt] = -1  # none of the classes
    counted["confidence"][corrupt] = 0.0
    counted["losses"][corrupt] = float("nan")
    return counted


def _record_test(run: Run, data: ImageData, outputs: Outputs) -> None:
    record_progress(
        run,
        test=count_correct(outputs, len(data.classes)),
        data={"n_test": data.n_test, "fingerprint": data.fingerprint},
    )


def count_correct(outputs: Outputs, classes: int) -> TestSection:
    """Return the test results; the loss is the mean over the images that could be read.

    With up to five classes the top-5 is None: it would be right for every image.
    """
    hits = outputs["top5"] == outputs["labels"][:, None]
    n, correct1, correct5 = len(hits), int(hits[:, 0].sum()), int(hits.any(dim=1).sum())
    return TestSection(
        acc1=correct1 / n,
        acc5=correct5 / n if classes > TOP else None,
        loss=float(outputs["losses"].double().nanmean()),
        n=n,
        correct1=correct1,
        correct5=correct5 if classes > TOP else None,
    )


def _record_costs(
    run: Run, section: EvaluationSection, clock: EvaluationClock, *, n: int, n_earlier: int
) -> None:
    """Record time and memory; after an interruption only the last process's images/s is known."""
    seconds, timing = clock.test_s, run.record.timing
    if seconds and not n_earlier:
        record_progress(run, evaluation={"test_s": seconds})
        timing = TimingSection(images_per_s=n / seconds, data_wait_s=clock.data_wait_s)
    elif seconds and section.devices == 1 and n > n_earlier:
        timing = TimingSection(images_per_s=(n - n_earlier) / seconds)
    memory = MemorySection(peak_rss_mib=peak_rss_mib(), peak_gpu_mib=peak_gpu_mib())
    record_progress(run, timing=timing, memory=memory)


def _effects(
    run: Run,
    section: EvaluationSection,
    config: Config,
    task: ImageClassifier,
    data: ImageData,
    outputs: Outputs,
    skipped: Tensor,
    trainer: pl.Trainer,
) -> list[DeviationEffectSection]:
    """Return the effects of deviations and, if the result differs, of other possible causes."""
    deviations = section.preprocessing_deviations
    check = check_against_reference(
        run.record.test, section.reference_result, is_full=_is_full(data), deviations=deviations
    )
    if not deviations and check.verdict != "differs":
        return []
    labels, top1 = outputs["labels"], outputs["top5"][:, 0]
    task.to(trainer.strategy.root_device)
    precision = trainer.strategy.precision_plugin
    effects = deviation_effects(task, config, data, deviations, top1, skipped, precision)
    order = class_order_effect(labels.numpy(), top1.numpy(), len(data.classes))
    return [*effects, order] if order else effects


def _is_full(data: ImageData) -> bool:
    from_training = any(note.startswith("training images") for note in data.notes)
    return is_full_validation_set(data.test_labels.numpy(), len(data.classes), from_training)
