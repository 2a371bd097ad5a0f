"""Live view of jobs that run in parallel: a line for each, below the results of finished jobs.

Imports no torch. On a terminal the lines are updated in place; in a log file a line is printed for
each finished epoch. A job that runs alone shows its own progress.
"""

import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.live import Live
from rich.markup import escape

from cnncompare.errors import DataError
from cnncompare.runs.run import read_existing
from cnncompare.terminal.console import make_console, progress_mode
from cnncompare.terminal.formatting import percent

if TYPE_CHECKING:
    from cnncompare.sweep.job_state import RunningJob

REFRESH_S = 1.0
EpochRows = list[dict[str, float | None]]


class LiveView:
    """Context manager that shows the running jobs; `print_line` prints a permanent line above."""

    def __init__(self) -> None:
        self._console = make_console()
        in_place = progress_mode("auto") == "bar"
        # refreshed explicitly: a refresh thread would disturb the times that are measured
        self._live = Live(console=self._console, auto_refresh=False) if in_place else None
        self._shown_at = 0.0
        self._epochs_printed: dict[int, int] = {}  # by number of the job

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
        self._console.print(text, markup=False, soft_wrap=True)
        self._console.file.flush()

    def show(self, running: "list[RunningJob]") -> None:
        """Update the lines, at most once per second."""
        parallel = [job for job in running if job.slot.shared]
        if not parallel or time.monotonic() - self._shown_at < REFRESH_S:
            return
        self._shown_at = time.monotonic()
        lines = {running.job.number: _line(running) for running in parallel}
        if self._live is None:
            self._print_new_epochs(lines)
            return
        self._live.start()
        text = "\n".join(escape(line) for _, line in lines.values())
        self._live.update(text, refresh=True)

    def _print_new_epochs(self, lines: dict[int, tuple[int, str]]) -> None:
        for number, (epochs, line) in lines.items():
            if epochs > self._epochs_printed.get(number, 0):
                self._epochs_printed[number] = epochs
                self.print_line(line)


def progress(rows: EpochRows, max_epochs: int) -> str:
    """Return finished epochs, latest accuracy, and the remaining time at the pace so far."""
    if not max_epochs:
        return "testing"
    if not rows:
        return f"epoch 0/{max_epochs}"
    seconds = sum((row["train_s"] or 0.0) + (row["val_s"] or 0.0) for row in rows)
    left = timedelta(seconds=round(seconds / len(rows) * (max_epochs - len(rows))))
    accuracy = percent(rows[-1]["val_acc1"])
    return f"epoch {len(rows)}/{max_epochs}  val top-1 {accuracy}  {left} left"


def _line(running: "RunningJob") -> tuple[int, str]:
    """Return the number of finished epochs and the line of the job."""
    job = running.job
    rows = _epoch_rows(job.config.run_folder())
    name = f"job {job.number}  {job.label}  "
    epochs = job.config.known_epochs
    if epochs is None:
        run = read_existing(job.config.run_folder())
        if run is None or run.record.training is None:
            return 0, f"{name}choosing the epochs"
        epochs = run.record.training.max_epochs
    return len(rows), name + progress(rows, epochs)


def _epoch_rows(folder: Path) -> EpochRows:
    run = read_existing(folder)
    with suppress(DataError):
        return run.epochs() if run is not None and run.record.status == "running" else []
    return []
