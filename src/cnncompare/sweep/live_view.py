"""Live view of jobs that run in parallel: a line for each, below the results of finished jobs.

Imports no torch. On a terminal the lines are updated in place, with the time that the sweep still
takes below them; in a log file a line is printed for each finished epoch. A job that runs alone
shows its own progress.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.cells import cell_len
from rich.live import Live
from rich.markup import escape

from cnncompare.errors import DataError
from cnncompare.language.catalogue import marked, tr, trn
from cnncompare.runs.lifecycle import reusable_run
from cnncompare.runs.run import Run, read_existing
from cnncompare.sweep.time_left import TimeLeft
from cnncompare.terminal.console import make_console, progress_mode
from cnncompare.terminal.epoch_line import epoch_line
from cnncompare.terminal.formatting import UNKNOWN, duration, percent

if TYPE_CHECKING:
    from cnncompare.sweep.job_state import Job, RunningJob

REFRESH_S = 1.0
_SWEEP = marked("sweep: {left}")
EpochRows = list[dict[str, float | None]]


class LiveView:
    """Context manager that shows the running jobs; `print_line` prints a permanent line above.

    `n_jobs` is the number of the sweep's jobs, None for one that may add some.
    """

    def __init__(self, n_jobs: int | None) -> None:
        self._n_jobs = n_jobs
        self._console = make_console()
        in_place = progress_mode("auto") == "bar"
        # refreshed explicitly: a refresh thread would disturb the times that are measured
        self._live = Live(console=self._console, auto_refresh=False) if in_place else None
        self._shown_at = 0.0
        self._epochs_printed: dict[int, int] = {}  # by number of the job
        self._time_left = TimeLeft()
        self._n_parallel = 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._live is not None and self._live.is_started:
            self._live.update("", refresh=True)
            self._live.stop()

    def print_line(self, text: str) -> None:
        """Print a line above the live view."""
        # a terminal would wrap within a number
        self._console.print(text, markup=False, soft_wrap=not self._console.is_terminal)
        self._console.file.flush()

    def title(self, job: "Job") -> str:
        """Return the name of a job, as in "job 4 of 9  resnet20  seed 0"."""
        return job.title(self._n_jobs)

    def print_start(
        self, started: "RunningJob", running: "Sequence[RunningJob]", waiting: "Sequence[Job]"
    ) -> None:
        """Print the title of a job that shows its own progress, and the time left."""
        self._n_parallel = max(self._n_parallel, len(running))
        resumed = reusable_run(started.job.config)
        self._epochs_printed[started.job.number] = len(_rows_of(resumed))
        if not started.slot.shared:
            rows = {job.job.number: _epoch_rows(job.job) for job in running}
            left = self._time_left_text(running, waiting, rows)
            title = self.title(started.job)
            self.print_line(
                title + "  ({})".format(tr("sweep: {left}", left=left)) if left else title
            )

    def print_end(self, ended: "RunningJob", *, finished: bool) -> None:
        """Print the last epochs of a job that has ended, and note its duration if it finished."""
        if ended.slot.shared and self._live is None:
            run = read_existing(ended.job.config.run_folder())
            self._print_new_epochs(ended.job, _rows_of(run))
        if finished:
            self._time_left.add(_kind(ended.job), ended.elapsed_s)

    def show(self, running: "Sequence[RunningJob]", waiting: "Sequence[Job]") -> None:
        """Update the lines, at most once per second."""
        parallel = [job for job in running if job.slot.shared]
        if not parallel or time.monotonic() - self._shown_at < REFRESH_S:
            return
        self._shown_at = time.monotonic()
        if self._live is None:
            for running_job in parallel:
                self._print_new_epochs(running_job.job, _epoch_rows(running_job.job))
            return
        self._live.start()
        rows = {job.job.number: _epoch_rows(job.job) for job in running}
        lines = [self._line(job, rows[job.job.number]) for job in parallel]
        left = self._time_left_text(running, waiting, rows)
        lines += [tr(_SWEEP, left=left)] if left else []
        self._live.update("\n".join(map(escape, lines)), refresh=True)

    def _time_left_text(
        self,
        running: "Sequence[RunningJob]",
        waiting: "Sequence[Job]",
        rows: Mapping[int, EpochRows],
    ) -> str:
        """Return "5 jobs, 3 min 28 s left", an empty string if the time is not known.

        `rows` has the epochs of the running jobs by their numbers.
        """
        seconds = self._time_left.seconds(
            [
                (_kind(job.job), job.elapsed_s, _paced_s(job, rows[job.job.number]))
                for job in running
            ],
            [_kind(job) for job in waiting],
            self._n_parallel,
        )
        if seconds is None or self._n_jobs is None:
            return ""
        count = len(running) + len(waiting)
        time_left = duration(round(seconds))
        return trn("{n} job, {time} left", "{n} jobs, {time} left", count, time=time_left)

    def _print_new_epochs(self, job: "Job", rows: EpochRows) -> None:
        if not rows:  # the run has not begun, or its record is closed and its process ends
            return
        printed = self._epochs_printed[job.number]
        prefix = f"{self.title(job)}  "
        for row in rows[printed if printed <= len(rows) else 0 :]:
            epochs = job.config.known_epochs
            self.print_line(
                prefix + epoch_line(row, epochs, self._console.width - cell_len(prefix))
            )
        self._epochs_printed[job.number] = len(rows)

    def _line(self, running: "RunningJob", rows: EpochRows) -> str:
        """Return the line of a job in the longest form that fits, so that no number is cut."""
        job, width = running.job, self._console.width
        forms = progress(rows, job.config.known_epochs)
        short = tr("job {number}", number=job.number) + f"  {job.config.model.name}"
        titles = [self.title(job), short, f"{job.number}"]
        lines = [f"{title}  {form}" for title in titles for form in forms]
        return next((line for line in lines if cell_len(line) < width), lines[-1])


def progress(rows: EpochRows, max_epochs: int | None) -> list[str]:
    """Return finished epochs, latest accuracy, and the remaining time at the pace so far.

    The forms are of decreasing length. Without `max_epochs`, the number of steps ends the training,
    and the number of epochs is not known.
    """
    if max_epochs is None:
        accuracy = percent(rows[-1]["val_acc1"]) if rows else UNKNOWN
        epoch = tr("epoch {number}", number=len(rows))
        return [f"{epoch}  " + tr("val acc {accuracy}", accuracy=accuracy), epoch]
    if not max_epochs:
        return [tr("testing")]
    epoch = tr("epoch {number}", number=f"{len(rows)}/{max_epochs}")
    if not rows:
        return [epoch]
    left = duration(round(_seconds(rows) / len(rows) * (max_epochs - len(rows))))
    accuracy = percent(rows[-1]["val_acc1"])
    full = [epoch, tr("val acc {accuracy}", accuracy=accuracy), tr("{time} left", time=left)]
    return ["  ".join(full), f"{epoch}  {accuracy}", epoch]


def _paced_s(running: "RunningJob", rows: EpochRows) -> float | None:
    """Return the time that the job takes in all at the pace of its epochs so far."""
    epochs = running.job.config.known_epochs
    if not rows or epochs is None:
        return None
    return running.elapsed_s + _seconds(rows) / len(rows) * (epochs - len(rows))


def _seconds(rows: EpochRows) -> float:
    return sum((row["train_s"] or 0.0) + (row["val_s"] or 0.0) for row in rows)


def _kind(job: "Job") -> tuple[str, str, int | None]:
    """Return what mainly determines the duration of a job."""
    config = job.config
    return config.model.name, config.data.name, config.known_epochs


def _epoch_rows(job: "Job") -> EpochRows:
    """Return the rows of a job's run, none of an earlier run that it is going to replace."""
    run = read_existing(job.config.run_folder())
    return _rows_of(run if run is not None and run.record.status == "running" else None)


def _rows_of(run: Run | None) -> EpochRows:
    with suppress(DataError, OSError):
        return [] if run is None else run.epochs()
    return []
