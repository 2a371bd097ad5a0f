"""Measurement of the inference cost of a trained network, once its test is recorded."""

import time
from collections.abc import Sequence
from dataclasses import asdict

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from cnncompare.extensions.kinds import register_callback
from cnncompare.models.speed.measure import InferencePlan, InferenceTiming, measure_inference
from cnncompare.runs.inference_section import InferenceRow, InferenceSection, headline_row
from cnncompare.training.lightning_module import ImageClassifier


@register_callback("inference_cost")
class InferenceCost(Callback):
    """Holds what to measure; `train` calls `measure` when training and test are recorded.

    None of Lightning's hooks is used, because the times and the memory of the run would contain
    the measurement.
    """

    def __init__(self, runtimes: Sequence[str], precisions: Sequence[str], seconds: float) -> None:
        self.plan = InferencePlan(runtimes, precisions, seconds)

    def measure(
        self, trainer: pl.Trainer, task: ImageClassifier, name: str, input_size: Sequence[int]
    ) -> InferenceSection:
        """Return the section `inference` of the record, measured on the device of the training."""
        channels, height, width = input_size
        device, started = trainer.strategy.root_device, time.perf_counter()
        timings = measure_inference(
            task.network,
            name,
            (channels, height, width),
            self.plan,
            device=device,
            channels_last=task.channels_last,
        )
        return inference_section(timings, device, input_size, time.perf_counter() - started)


def inference_section(
    timings: Sequence[InferenceTiming],
    device: torch.device,
    input_size: Sequence[int],
    measuring_s: float,
) -> InferenceSection:
    """Return the timings as a section of run.json."""
    rows = [InferenceRow(**asdict(timing)) for timing in timings]
    threads = torch.get_num_threads()
    headline = headline_row(rows, threads)
    keys = ("latency_s", "latency_p95_s", "images_per_s", "batch_size")
    return InferenceSection(
        device=device.type,
        threads=threads,
        input_size=list(input_size),
        measuring_s=measuring_s,
        rows=rows,
        **({key: getattr(headline, key) for key in keys} if headline else {}),
    )
