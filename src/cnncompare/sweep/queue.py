"""The queue of a sweep: as many jobs at a time as there are places, each in its own process.

Imports no torch. Each job's result comes back in its files: the run's record, and the word that
its process leaves when it ends.
"""

import json
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from cnncompare.config import Config
from cnncompare.errors import Interrupted, LockedError
from cnncompare.opening import record_failure
from cnncompare.run import read_existing
from cnncompare.sweep.ending import Ending, ending_of, failure_of, oom_kills, own_word
from cnncompare.sweep.job import LOCKED
from cnncompare.sweep.places import Place, Places
from cnncompare.sweep.process import JobProcess, start
from cnncompare.sweep.signals import Signals
from cnncompare.sweep.view import View

POLL_S = 0.02  # between two looks at the processes
RETRY_S = 1.0  # between two tries at a run that another process holds
# What a job over its time is sent, 5 s apart: finish your batch, stop where you stand, die.
GRACE_S = 5.0
LAST_WORDS = (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL)


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
        """Whether the job has used up its time and was told to stop."""
        return self.warned > 0


class Queue:
    """Runs jobs until none waits; `endings` says how each ended, by its number."""

    def __init__(self, jobs: Sequence[Job], places: Places, folder: Path) -> None:
        self.waiting = deque(jobs)
        self.running: list[Running] = []
        self.endings: dict[int, Ending] = {}
        self._places = places
        self._folder = folder  # for the jobs' files
        self._view = View()
        self._retry_at: dict[int, float] = {}

    def run(self) -> None:
        """Run all jobs. Raises Interrupted once the running ones have stopped for a signal."""
        with Signals() as signals, self._view:
            while self.running or (self.waiting and signals.received is None):
                if signals.received is None:
                    self._start_some()
                for number in signals.unpassed():
                    for running in self.running:
                        running.process.send(number)
                self._stop_the_late()
                self._reap()
                self._view.show(self.running)
                time.sleep(POLL_S if self.running else POLL_S / 10)
        if signals.received is not None:
            raise Interrupted(signals.received)

    def _start_some(self) -> None:
        """Start, in their order, the jobs that there are places for, and skip what is done."""
        put_back = []
        while self.waiting and self._places.units:
            job = self.waiting.popleft()
            if not self._may_start(job):
                put_back.append(job)
            elif self._is_done(job):
                self._end(job, Ending("skipped"))
            elif place := self._places.take(job.config):
                self._start(job, place)
            else:
                put_back.append(job)
                break
        self.waiting.extendleft(reversed(put_back))

    def _may_start(self, job: Job) -> bool:
        """Return whether no other process was seen at its run just now, nor a job of this sweep.

        Two jobs may name one configuration, and so one run.
        """
        folder = job.config.run_folder()
        beside = any(other.job.config.run_folder() == folder for other in self.running)
        return not beside and self._retry_at.get(job.number, 0.0) <= time.monotonic()

    def _is_done(self, job: Job) -> bool:
        if job.config.force:
            return False
        existing = read_existing(job.config.run_folder())
        return existing is not None and existing.record.status == "finished"

    def _start(self, job: Job, place: Place) -> None:
        file = self._folder / str(job.number) / "job.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(content(job, place)), encoding="utf-8")
        killed, now = oom_kills(), time.monotonic()
        process = start(file, job.config, {**os.environ, **place.environment})
        limit = job.config.sweep.timeout_s
        stop_at = None if limit is None else now + limit
        self.running.append(Running(job, file, process, place, now, killed, stop_at))

    def _stop_the_late(self) -> None:
        now = time.monotonic()
        for running in self.running:
            late = running.stop_at is not None and now >= running.stop_at
            if late and running.warned < len(LAST_WORDS):
                running.process.send(LAST_WORDS[running.warned])
                running.warned, running.stop_at = running.warned + 1, now + GRACE_S

    def _reap(self) -> None:
        for running in list(self.running):
            code = running.process.exit_code()
            if code is None:
                continue
            running.process.kill_group()
            self.running.remove(running)
            self._places.give_back(running.place)
            self._close(running, code)

    def _close(self, running: Running, code: int) -> None:
        word = own_word(running.file)
        if word and word[0] == LOCKED:
            self._put_off(running.job, word[1])
        elif word and (word[0] == 0 or not running.timed_out):
            self._end(running.job, ending_of(*word))
        else:
            self._end(running.job, self._recorded(running, code))

    def _recorded(self, running: Running, code: int) -> Ending:
        """Write into the record what the job itself could not."""
        config = running.job.config
        failure = failure_of(
            code,
            timeout_s=config.sweep.timeout_s if running.timed_out else None,
            out_of_memory=oom_kills() > running.oom_kills,
        )
        with suppress(LockedError):  # another process took over the run at once
            record_failure(config, failure)
        return Ending("failed", failure.message)

    def _put_off(self, job: Job, reason: str) -> None:
        if job.number not in self._retry_at:
            self._tell(job, f"put off: {reason}")
        self._retry_at[job.number] = time.monotonic() + RETRY_S
        self.waiting.append(job)

    def _end(self, job: Job, ending: Ending) -> None:
        self.endings[job.number] = ending
        self._tell(job, f"{ending.kind}{': ' if ending.cause else ''}{ending.cause}")

    def _tell(self, job: Job, what: str) -> None:
        self._view.tell(f"job {job.number}  {job.label}  {what}")


def content(job: Job, place: Place) -> dict[str, Any]:
    """Return what a job's file says."""
    return {
        "config": OmegaConf.to_container(job.settings, resolve=True),
        "argv": ["python", "-m", "cnncompare", *job.words],
        "cwd": os.getcwd(),
        "sys_path": sys.path,
        "cores": place.cores if place.shared else [],
        "clocks_shared": place.shared,
        "quiet": place.shared,  # the sweep's view shows how far it is
    }
