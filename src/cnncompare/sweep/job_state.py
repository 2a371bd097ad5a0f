"""Waiting and running jobs of a sweep; imports no torch."""

import time
from dataclasses import dataclass, field
from pathlib import Path

from omegaconf import DictConfig

from cnncompare.config.schema import Config
from cnncompare.language.catalogue import tr
from cnncompare.sweep.processes import JobProcess
from cnncompare.sweep.resources import DeviceSlot

_IN_TITLE = ("model", "model.name", "seed")


@dataclass(frozen=True)
class Job:
    """A configuration to train, with the overrides that produced it."""

    number: int  # counted from 1
    config: Config
    composed: DictConfig
    overrides: tuple[str, ...]
    label: str  # the overrides that not all jobs share

    def title(self, n_jobs: int | None) -> str:
        """Return "job 4 of 9  resnet20  seed 0" and other overrides that not all jobs share.

        `n_jobs` is None for a sweep that may add jobs.
        """
        position = tr("job {number}", number=self.number)
        if n_jobs:
            position = tr("job {number} of {n}", number=self.number, n=n_jobs)
        others = [
            text
            for text in self.label.split(" ")
            if "=" in text and text.partition("=")[0] not in _IN_TITLE
        ]
        seed = tr("seed {seed}", seed=self.config.seed)
        return "  ".join([position, self.config.model.name, seed, *others])


@dataclass
class RunningJob:
    """A job with its process and device slot."""

    job: Job
    file: Path
    process: JobProcess
    slot: DeviceSlot
    oom_kills_before: int
    next_signal_at: float | None  # monotonic time of the next stop signal
    signals_sent: int = 0
    started: float = field(default_factory=time.monotonic)

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self.started

    @property
    def timed_out(self) -> bool:
        return self.signals_sent > 0
