"""What is seen of jobs that run side by side: a line for each, the ended ones above them.

Imports no torch. On a terminal the lines are renewed in place; in a log file there is one for each
finished epoch. A job that runs alone shows its own progress.
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
    from cnncompare.sweep.job_state import Running

REFRESH_S = 1.0
Rows = list[dict[str, float | None]]


class View:
    """Shows the running jobs while entered; `tell` prints a line that stays, above them."""

    def __init__(self) -> None:
        self._console = make_console()
        in_place = progress_mode("auto") == "bar"
        # refreshed by hand: a thread of its own would run beside what is being timed
        self._live = Live(console=self._console, auto_refresh=False) if in_place else None
        self._shown_at = 0.0
        self._epochs: dict[int, int] = {}  # of each job, already printed

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

    def tell(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)
        self._console.file.flush()

    def show(self, running: "list[Running]") -> None:
        """Renew the lines, at most once a second."""
        side_by_side = [one for one in running if one.place.shared]
        if not side_by_side or time.monotonic() - self._shown_at < REFRESH_S:
            return
        self._shown_at = time.monotonic()
        lines = {one.job.number: _line(one) for one in side_by_side}
        if self._live is not None:
            self._live.start()
            text = "\n".join(escape(line) for _, line in lines.values())
            self._live.update(text, refresh=True)
            return
        for number, (epochs, line) in lines.items():
            if epochs > self._epochs.get(number, 0):
                self._epochs[number] = epochs
                self.tell(line)


def _line(running: "Running") -> tuple[int, str]:
    """Return how many epochs are done and the job's line."""
    job = running.job
    rows = _rows(job.config.run_folder())
    name = f"job {job.number}  {job.label}  "
    return len(rows), name + progress(rows, job.config.trainer.max_epochs)


def progress(rows: Rows, max_epochs: int) -> str:
    """Return the epochs done, the latest accuracy, and the time left at the pace up to now."""
    if not max_epochs:
        return "testing"
    if not rows:
        return f"epoch 0/{max_epochs}"
    seconds = sum((row["train_s"] or 0.0) + (row["val_s"] or 0.0) for row in rows)
    left = timedelta(seconds=round(seconds / len(rows) * (max_epochs - len(rows))))
    accuracy = percent(rows[-1]["val_acc1"])
    return f"epoch {len(rows)}/{max_epochs}  val top-1 {accuracy}  {left} left"


def _rows(folder: Path) -> Rows:
    run = read_existing(folder)
    with suppress(DataError):
        return run.epochs() if run is not None and run.record.status == "running" else []
    return []
