"""The jobs of a sweep, waiting and running; imports no torch."""

from dataclasses import dataclass
from pathlib import Path

from omegaconf import DictConfig

from cnncompare.config.schema import Config
from cnncompare.sweep.processes import JobProcess
from cnncompare.sweep.resources import Place


@dataclass(frozen=True)
class Job:
    """One configuration to train, and the words that made it."""

    number: int  # counted from 1
    config: Config
    settings: DictConfig
    words: tuple[str, ...]
    label: str  # the words in which it differs from the other jobs


@dataclass
class Running:
    """A job at work."""

    job: Job
    file: Path
    process: JobProcess
    place: Place
    started: float
    oom_kills: int
    stop_at: float | None  # when the next, harder signal is due
    warned: int = 0  # how many of them were sent

    @property
    def timed_out(self) -> bool:
        return self.warned > 0
