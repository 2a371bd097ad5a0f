"""The command `python -m cnncompare status DIR`: runs and waiting jobs; imports no torch."""

import json
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from cnncompare.errors import DataError
from cnncompare.runs.lifecycle import status_of
from cnncompare.runs.record import Status
from cnncompare.runs.run import Run, find_runs
from cnncompare.sweep.waiting_jobs import folders_with_waiting_jobs, waiting_jobs
from cnncompare.system.argument_parser import CommandParser
from cnncompare.terminal.console import make_console
from cnncompare.terminal.formatting import UNKNOWN
from cnncompare.terminal.result import shell_path

_ORDER: tuple[Status | Literal["waiting"], ...] = (
    "running",
    "waiting",
    "interrupted",
    "failed",
    "finished",
)


@dataclass(frozen=True)
class RunState:
    """Status of a run or of a waiting job; `epoch` is the number of finished epochs."""

    folder: Path
    status: Status | Literal["waiting"]
    epoch: int | None
    max_epochs: int | None
    reason: str = ""  # of the end, unless it finished

    def for_json(self) -> dict[str, str | int | None]:
        """Return the content of an element of the printed list."""
        return {
            "id": self.folder.name,
            "status": self.status,
            "epoch": self.epoch,
            "max_epochs": self.max_epochs,
        }


def main(argv: list[str]) -> int:
    """Print the states and return the exit code; raises DataError for a folder without runs."""
    parser = CommandParser(
        "status",
        description="Show what of the runs below DIR runs, waits, finished, or failed. A run whose "
        "process is gone is interrupted; the command that started it resumes it.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder of runs, such as outputs")
    parser.add_argument("--json", action="store_true", help="print only a JSON list")
    arguments = parser.parse_args(argv)
    states = run_states(arguments.folder)
    if arguments.json:
        print(json.dumps([state.for_json() for state in states], indent=1))
    else:
        _print(states, make_console())
    return 0


def run_states(root: Path) -> list[RunState]:
    """Return the states of the runs and jobs at or below `root`; raises DataError without any."""
    if not root.is_dir():
        raise DataError(f"{root} is not a folder; give a folder of runs, such as outputs")
    states = {state.folder: state for folder in find_runs([root]) if (state := _state(folder))}
    for parent in folders_with_waiting_jobs(root):
        for job in waiting_jobs(parent):
            folder = parent / job.id
            if folder not in states or states[folder].status not in ("running", "finished"):
                states[folder] = RunState(folder, "waiting", None, job.max_epochs)
    if not states:
        raise DataError(f"there are no runs in {root}; give a folder of runs, such as outputs")
    return sorted(
        states.values(), key=lambda s: (s.folder.parent, _ORDER.index(s.status), s.folder)
    )


def _state(folder: Path) -> RunState | None:
    """Return the state of a run; None, with a note, if its record cannot be read."""
    try:
        run = Run.read(folder)
        if status_of(run) != run.record.status:
            run = Run.read(folder)  # perhaps its process closed it after it had been read
    except DataError as error:
        print(f"cnncompare: note: {error}", file=sys.stderr)
        return None
    epoch, record = None, run.record
    with suppress(DataError, OSError):
        epoch = len(run.epochs())
    max_epochs = record.training.max_epochs if record.training else 0 if record.evaluation else None
    reason = record.error.text if record.error else ""
    return RunState(folder, status_of(run), epoch, max_epochs, reason)


def _print(states: list[RunState], console: Console) -> None:
    for parent in dict.fromkeys(state.folder.parent for state in states):
        here = [state for state in states if state.folder.parent == parent]
        console.print(shell_path(parent.absolute()), soft_wrap=True, markup=False)
        console.print(_table(here))
        for state in here:
            if state.status == "failed":
                console.print(f"{state.folder.name}: {state.reason}", soft_wrap=True, markup=False)
    counts = Counter(state.status for state in states)
    print(", ".join(f"{counts[status]} {status}" for status in _ORDER if counts[status]))


def _table(states: list[RunState]) -> Table:
    """Return the table; in a narrow terminal, long names continue on the next line."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("run", overflow="fold")
    table.add_column("status", no_wrap=True)
    table.add_column("epoch", justify="right", no_wrap=True)
    for state in states:
        table.add_row(state.folder.name, state.status, _epochs(state))
    return table


def _epochs(state: RunState) -> str:
    if not state.max_epochs:
        return UNKNOWN
    return f"{state.epoch or 0}/{state.max_epochs}"
