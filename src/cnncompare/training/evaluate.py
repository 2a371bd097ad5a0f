"""Test given weights once, without training, and hold the result against the published numbers."""

import sys
from pathlib import Path

import pytorch_lightning as pl
from torch import Tensor

from cnncompare.config.schema import Config
from cnncompare.data.module import ImageData
from cnncompare.runs.record import (
    DeviationEffectSection,
    EvaluationSection,
    MemorySection,
    TestSection,
    TimingSection,
)
from cnncompare.runs.run import PREDICTIONS, TESTED, Run
from cnncompare.system.memory import peak_gpu_mib, peak_rss_mib
from cnncompare.system.ranks import process_rank
from cnncompare.training.callbacks.evaluation_clock import EvaluationClock
from cnncompare.training.callbacks.evaluation_journal import Journal
from cnncompare.training.callbacks.interruption import Interruption
from cnncompare.training.callbacks.prediction_writer import (
    Parts,
    PredictionWriter,
    write_predictions,
)
from cnncompare.training.callbacks.progress import Progress
from cnncompare.training.deviation_effects import deviation_effects
from cnncompare.training.distributed import broadcast_finished
from cnncompare.training.lightning_module import ImageClassifier
from cnncompare.training.reference_check import check, class_order, is_full
from cnncompare.training.trainer import build_trainer


def evaluate(
    run: Run,
    config: Config,
    task: ImageClassifier,
    data: ImageData,
    interruption: Interruption,
) -> pl.Trainer:
    """Test each image once, on from where an earlier process stopped, and complete the record.

    Returns the trainer, whose loggers are still open.
    """
    part = run.record.evaluation
    assert part is not None
    for warning in (*part.preprocessing_deviations, *part.notes):
        print(f"cnncompare: warning: {warning}", file=sys.stderr, flush=True)
    clock, saver, earlier = EvaluationClock(), *_resumed(run.folder, data)
    progress = Progress(config.display.progress)
    # the interruption last: it stops after a batch is noted
    trainer = build_trainer(run.folder, config, [clock, saver, progress, interruption])
    part.accelerator = trainer.strategy.root_device.type
    run.save()
    broadcast_finished(trainer, finished=False)
    trainer.test(task, datamodule=data, verbose=False)
    if config.trainer.processes == 1 and not earlier:
        part.notes = data.notes  # this process has seen all images' colours now
    _record_costs(run, part, clock, n=data.n_test, earlier=earlier)
    unread = (saver.everything["labels"] < 0).nonzero().squeeze(1)
    answers = _settled(saver.everything, unread, data, part)
    write_predictions(run.folder / PREDICTIONS, answers)
    _record_test(run, data, answers)
    left_out = unread if part.on_corrupt_image == "skip" else unread[:0]
    causes = _causes(run, part, config, task, data, answers, left_out, trainer)
    part.check = check(
        run.record.test, part.reference_result, _full(data), part.preprocessing_deviations, causes
    )
    run.save()
    return trainer


def evaluate_beside(
    folder: Path,
    config: Config,
    task: ImageClassifier,
    data: ImageData,
    interruption: Interruption,
) -> Run:
    """Take part in the test of the first process, which alone writes the record."""
    saver, _ = _resumed(folder, data)
    trainer = build_trainer(folder, config, [saver, interruption])
    if not broadcast_finished(trainer, finished=None):
        trainer.test(task, datamodule=data, verbose=False)
    return Run.read(folder)


def _resumed(folder: Path, data: ImageData) -> tuple[PredictionWriter, int]:
    """Return the saver, and how many images this process tested before it was interrupted."""
    journal = Journal(folder / TESTED, process_rank(), min(5, len(data.classes)))
    earlier = journal.read(data.n_test)
    data.skip_positions = set() if earlier is None else set(earlier["indices"].tolist())
    return PredictionWriter(folder, journal), len(data.skip_positions)


def _settled(answers: Parts, unread: Tensor, data: ImageData, part: EvaluationSection) -> Parts:
    """Return the answers with the images at `unread` counted as wrong, or left out."""
    part.corrupt_images = [
        data.corrupt_images.get(place, data.test_image_name(place)) for place in unread.tolist()
    ]
    if part.on_corrupt_image == "skip":
        data.exclude(unread)
        read = answers["labels"] >= 0
        return {name: tensor[read] for name, tensor in answers.items()}
    settled = {name: tensor.clone() for name, tensor in answers.items()}
    settled["labels"][unread] = data.test_labels[unread]
    settled["top5"][unread] = -1  # no class at all
    settled["confidence"][unread] = 0.0
    settled["losses"][unread] = float("nan")
    return settled


def _record_test(run: Run, data: ImageData, answers: Parts) -> None:
    run.record.test = counted(answers)
    assert run.record.data is not None
    run.record.data.n_test, run.record.data.fingerprint = data.n_test, data.fingerprint


def counted(answers: Parts) -> TestSection:
    """Return the counts; the loss is the mean over the images that could be read."""
    hits = answers["top5"] == answers["labels"][:, None]
    n, correct1, correct5 = len(hits), int(hits[:, 0].sum()), int(hits.any(dim=1).sum())
    return TestSection(
        acc1=correct1 / n,
        acc5=correct5 / n,
        loss=float(answers["losses"].double().nanmean()),
        n=n,
        correct1=correct1,
        correct5=correct5,
    )


def _record_costs(
    run: Run, part: EvaluationSection, clock: EvaluationClock, *, n: int, earlier: int
) -> None:
    """Write the clocks; of a pass in parts, only the last part's images a second are known."""
    seconds = clock.test_s
    if seconds and not earlier:
        part.test_s = seconds
        run.record.timing = TimingSection(images_per_s=n / seconds, data_wait_s=clock.data_wait_s)
    elif seconds and part.devices == 1 and n > earlier:
        run.record.timing = TimingSection(images_per_s=(n - earlier) / seconds)
    run.record.memory = MemorySection(peak_rss_mib=peak_rss_mib(), peak_gpu_mib=peak_gpu_mib())


def _causes(
    run: Run,
    part: EvaluationSection,
    config: Config,
    task: ImageClassifier,
    data: ImageData,
    answers: Parts,
    left_out: Tensor,
    trainer: pl.Trainer,
) -> list[DeviationEffectSection]:
    """Return what deviations cost and, where the result is not as published, likely causes."""
    judged = check(
        run.record.test, part.reference_result, _full(data), part.preprocessing_deviations
    )
    if not part.preprocessing_deviations and judged.verdict != "differs":
        return []
    labels, top1 = answers["labels"], answers["top5"][:, 0]
    task.to(trainer.strategy.root_device)
    precision = trainer.strategy.precision_plugin
    causes = deviation_effects(
        task, config, data, part.preprocessing_deviations, top1, left_out, precision
    )
    order = class_order(labels.numpy(), top1.numpy(), len(data.classes))
    return [*causes, order] if order else causes


def _full(data: ImageData) -> bool:
    from_training = any(note.startswith("training images") for note in data.notes)
    return is_full(data.test_labels.numpy(), len(data.classes), from_training)
