"""Job queue of a sweep: as many parallel jobs as there are device slots, each in its own process.

Imports no torch. Results come back in files: the run record, and the report that a job's process
writes before it exits.
"""

import json
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from cnncompare.errors import Interrupted, LockedError
from cnncompare.language.catalogue import tr
from cnncompare.runs.lifecycle import fail_run, finished_run, is_finished
from cnncompare.runs.record import Failure
from cnncompare.runs.run import read_existing
from cnncompare.runs.storage import write_atomically
from cnncompare.sweep.job_state import Job, RunningJob
from cnncompare.sweep.job_status import (
    JobOutcome,
    count_oom_kills,
    failure_of,
    outcome_of,
    reported_exit,
)
from cnncompare.sweep.limits import SweepLimits
from cnncompare.sweep.live_view import LiveView
from cnncompare.sweep.processes import start
from cnncompare.sweep.resources import DeviceSlot, DeviceSlots
from cnncompare.sweep.waiting_jobs import JobList
from cnncompare.sweep.worker import EXIT_REPORT, LOCKED
from cnncompare.system.signals import PendingSignals, RaiseInterrupted
from cnncompare.terminal.formatting import duration, percent

POLL_S = 0.02  # interval between two checks of the processes
RETRY_S = 1.0  # interval between two attempts at a run that another process holds
# Signals to a job over its time limit, GRACE_S apart: finish the batch, stop at once, be killed.
GRACE_S = 5.0
TIMEOUT_SIGNALS = (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL)


class JobQueue:
    """Runs jobs until none is waiting; `outcomes` maps the number of each job to its outcome.

    There is at least one job. `on_close` is called after each job has ended and may add others.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        slots: DeviceSlots,
        folder: Path,
        on_close: "Callable[[JobQueue, Job, JobOutcome], None] | None" = None,
    ) -> None:
        self.waiting = deque(jobs)
        self.running: list[RunningJob] = []
        self.outcomes: dict[int, JobOutcome] = {}
        self._slots = slots
        self._folder = folder  # for the files of the jobs
        self._view = LiveView(len(jobs) if on_close is None else None)
        self._job_list = JobList({job.number: job.config for job in jobs})
        self._limits = SweepLimits(jobs[0].config.sweep)
        self._retry_at: dict[int, float] = {}
        self._is_ending = False
        self._on_close = on_close

    @property
    def unfinished(self) -> int:
        """The number of jobs that wait or run."""
        return len(self.waiting) + len(self.running)

    def add(self, job: Job) -> None:
        """Add a job after those that wait."""
        self.waiting.append(job)
        self._job_list.add(job.number, job.config)

    def print_line(self, text: str) -> None:
        """Print a line above the running jobs."""
        self._view.print_line(text)

    def run(self) -> None:
        """Run all jobs. Raises Interrupted once the running ones have stopped after a signal."""
        with PendingSignals() as signals, self._view, self._job_list:
            while self.running or (self.waiting and signals.received is None):
                if signals.received is None:
                    self._start_jobs()
                    self._end_sweep_if_due()
                for number in signals.take():
                    for running in self.running:
                        running.process.send(number)
                self._stop_overdue()
                self._collect_exited()
                unfinished = [*(running.job for running in self.running), *self.waiting]
                self._job_list.update({job.number for job in unfinished})
                self._view.show(self.running, self.waiting)
                time.sleep(POLL_S if self.running else POLL_S / 10)
        if signals.received is not None:
            raise Interrupted(signals.received)

    def _start_jobs(self) -> None:
        """Start waiting jobs in order while slots are free; finished runs are skipped."""
        put_back = []
        while self.waiting and self._slots.free and self._limits.may_start(len(self.running)):
            job = self.waiting.popleft()
            if not self._may_start(job):
                put_back.append(job)
            elif finished_run(job.config):
                self._close(job, JobOutcome("skipped"))
            elif slot := self._slots.reserve(job.config):
                self._start(job, slot)
            else:
                put_back.append(job)
                break
        self.waiting.extendleft(reversed(put_back))

    def _may_start(self, job: Job) -> bool:
        """Return whether no job of this sweep, nor recently another process, holds the same run.

        Two jobs can have the same configuration and so the same run.
        """
        folder = job.config.run_folder()
        held = any(other.job.config.run_folder() == folder for other in self.running)
        return not held and self._retry_at.get(job.number, 0.0) <= time.monotonic()

    def _start(self, job: Job, slot: DeviceSlot) -> None:
        file = self._folder / str(job.number) / "job.json"
        file.parent.mkdir(exist_ok=True)
        content = job_file_content(job, slot) | {"title": self._view.title(job)}
        write_atomically(file, json.dumps(content).encode())
        file.with_name(EXIT_REPORT).unlink(missing_ok=True)  # of an earlier attempt
        oom_kills = count_oom_kills()
        # the first job waits seconds for the forkserver's imports, and there is nothing to stop yet
        with nullcontext() if self.running else RaiseInterrupted():
            process = start(file, job.config, {**os.environ, **slot.environment})
        limit_s = job.config.sweep.timeout_s
        deadline = None if limit_s is None else time.monotonic() + limit_s
        started = RunningJob(job, file, process, slot, oom_kills, deadline)
        self.running.append(started)
        self._view.print_start(started, self.running, self.waiting)

    def _end_sweep_if_due(self) -> None:
        """After a limit, interrupt the running jobs once and drop the waiting ones."""
        reason = self._limits.end_reason or self._limits.over_time()
        if reason is None:
            return
        if not self._is_ending:
            self._is_ending = True
            for running in self.running:
                running.process.send(signal.SIGTERM)
        while self.waiting:
            self._close(self.waiting.popleft(), JobOutcome("not started", reason))

    def _stop_overdue(self) -> None:
        now = time.monotonic()
        for running in self.running:
            due = running.next_signal_at is not None and now >= running.next_signal_at
            if due and running.signals_sent < len(TIMEOUT_SIGNALS):
                running.process.send(TIMEOUT_SIGNALS[running.signals_sent])
                running.signals_sent += 1
                running.next_signal_at = now + GRACE_S

    def _collect_exited(self) -> None:
        for running in list(self.running):
            code = running.process.exit_code()
            if code is None:
                continue
            running.process.kill_group()
            self.running.remove(running)
            self._slots.release(running.slot)
            self._view.print_end(running, finished=code == 0)
            self._evaluate(running, code)

    def _evaluate(self, running: RunningJob, code: int) -> None:
        report = reported_exit(running.file) or _unwritten_report(running, code)
        if report and report[0] == LOCKED:
            self._postpone(running.job, report[1])
        elif report and (report[0] == 0 or not running.timed_out):
            self._retry_or_close(running.job, outcome_of(*report), _recorded_error(running, code))
        else:
            failure = self._record_unreported(running, code)
            self._retry_or_close(running.job, JobOutcome("failed", failure.message), failure.type)

    def _retry_or_close(self, job: Job, outcome: JobOutcome, failure_type: str) -> None:
        retry = self._limits.retry(job.number, failure_type, len(self.running))
        if retry is not None:
            self._report(job, f"{outcome.reason}: {retry}")
            self.waiting.appendleft(job)
            return
        self._close(job, outcome)
        if outcome.kind == "failed":
            self._limits.note_failure()

    def _record_unreported(self, running: RunningJob, code: int) -> Failure:
        """Record the failure of a job that could not record it itself."""
        config = running.job.config
        failure = failure_of(
            code,
            timeout_s=config.sweep.timeout_s if running.timed_out else None,
            out_of_memory=count_oom_kills() > running.oom_kills_before,
        )
        with suppress(LockedError):  # another process has taken over the run
            fail_run(config, failure)
        return failure

    def _postpone(self, job: Job, reason: str) -> None:
        if job.number not in self._retry_at:
            self._report(job, tr("postponed: {reason}", reason=reason))
        self._retry_at[job.number] = time.monotonic() + RETRY_S
        self.waiting.append(job)

    def _close(self, job: Job, outcome: JobOutcome) -> None:
        self.outcomes[job.number] = outcome
        self._report(job, outcome.text + (_result(job) if outcome.kind == "finished" else ""))
        if self._on_close is not None:
            self._on_close(self, job, outcome)

    def _report(self, job: Job, text: str) -> None:
        self._view.print_line(f"{self._view.title(job)}  {text}")


def _result(job: Job) -> str:
    """Return the test accuracy and the duration of a finished job."""
    run = read_existing(job.config.run_folder())
    if run is None:
        return ""
    accuracy = tr("test acc {accuracy}", accuracy=percent(run.record.test.acc1))
    return f"  {accuracy}  {duration(run.record.wall_s)}"


def _unwritten_report(running: RunningJob, code: int) -> tuple[int, str] | None:
    """Return the report of a job that finished its run but could not write that it did."""
    finished = code == 0 and is_finished(read_existing(running.job.config.run_folder()))
    return (0, "") if finished else None


def _recorded_error(running: RunningJob, code: int) -> str:
    """Return the type of the error that a job recorded before it exited with code 1, else ""."""
    run = read_existing(running.job.config.run_folder()) if code == 1 else None
    return run.record.error.type if run and run.record.error else ""


def job_file_content(job: Job, slot: DeviceSlot) -> dict[str, Any]:
    """Return the content of the file from which the worker process reads its job."""
    return {
        "config": OmegaConf.to_container(job.composed, resolve=True),
        "argv": ["python", "-m", "cnncompare", *job.overrides],
        "cwd": os.getcwd(),
        "sys_path": sys.path,
        "cores": slot.core_ids if slot.shared else [],
        "clocks_shared": slot.shared,
        "quiet": slot.shared,  # the live view shows the progress of parallel jobs
    }
