"""Waiting and running jobs of a sweep; imports no torch."""

from dataclasses import dataclass
from pathlib import Path

from omegaconf import DictConfig

from cnncompare.config.schema import Config
from cnncompare.sweep.processes import JobProcess
from cnncompare.sweep.resources import DeviceSlot


@dataclass(frozen=True)
class Job:
    """A configuration to train, with the overrides that produced it."""

    number: int  # counted from 1
    config: Config
    composed: DictConfig
    overrides: tuple[str, ...]
    label: str  # the overrides that not all jobs share


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

    @property
    def timed_out(self) -> bool:
        return self.signals_sent > 0
