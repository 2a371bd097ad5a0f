"""What a person sees on the terminal: one run's result, a sweep's table; imports no torch."""

import shlex
import sys
from collections.abc import Callable, Sequence
from functools import partial
from math import isnan
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table

from cnncompare.runs.record import RunRecord
from cnncompare.runs.run import Run
from cnncompare.terminal.console import make_console

UNKNOWN = "–"  # noqa: RUF001 (a dash as tables have it: not measured is not zero)


def print_result(run: Run) -> None:
    """Print one run's table, and its folder on a line of its own, whole, to be copied."""
    console = make_console()
    table = Table.grid(padding=(0, 2))
    for name, value in _result(run):
        table.add_row(name, value)
    console.print()
    console.print(table)
    for line in _remarks(run):
        console.print(line, soft_wrap=True, markup=False)
    console.print(_path(run.folder), soft_wrap=True)


def print_next_steps(folders: Sequence[Path]) -> None:
    """Print where a sweep's results lie, and the commands that compare and show them."""
    console = make_console()
    python = _path(Path(sys.executable))
    for folder in dict.fromkeys(folders):
        place = _path(folder)
        console.print(f"\nresults      {place}", soft_wrap=True)
        console.print(f"report       {python} -m cnncompare report {place}", soft_wrap=True)
        console.print(f"TensorBoard  {python} -m tensorboard.main --logdir {place}", soft_wrap=True)


def print_comparison(runs: Sequence[Run]) -> None:
    """Print a sweep's table, the best test accuracy first, and below it why any run failed.

    A narrow terminal leaves out columns, the least needed first, and wraps no number.
    """
    console = make_console()
    console.print()
    tables = _tables(sorted(runs, key=_order))
    wide = console.options.update(width=1000)
    fitting = (t for t in tables if console.measure(t, options=wide).maximum <= console.width)
    console.print(next(fitting, tables[-1]))
    for run in runs:
        if run.record.error is not None:
            message = f"{run.record.id}: {run.record.error.message}"
            console.print(message, soft_wrap=True, markup=False)
        for line in _remarks(run):
            console.print(f"{run.record.label}: {line}", soft_wrap=True, markup=False)
    for folder in dict.fromkeys(run.folder.parent for run in runs):
        console.print(_path(folder), soft_wrap=True)


Cell = Callable[[Run], str]

# header, how soon a narrow terminal leaves it out (0 never, the highest first), cell
MEASURED: list[tuple[str, int, Cell]] = [
    ("status", 2, lambda run: run.record.status),
    ("val top-1", 4, lambda run: percent(run.record.best.val_acc1)),
    ("test top-1", 0, lambda run: percent(run.record.test.acc1)),
    ("epoch s", 1, lambda run: _seconds(run.record.timing.epoch_s)),
    ("images/s", 5, lambda run: _integer(run.record.timing.images_per_s)),
    ("params", 2, lambda run: _integer(_params(run.record))),
    ("MMACs", 6, lambda run: _mmacs(run.record)),
    ("peak MiB", 7, lambda run: _integer(_peak_mib(run.record))),
]


def _setting(key: str, run: Run) -> str:
    value = getattr(run.record.settings, key, None)
    return UNKNOWN if value is None else f"{value:g}" if isinstance(value, float) else str(value)


# shown when the runs differ in it
VARIED: list[tuple[str, int, Cell]] = [
    ("data", 1, lambda run: run.record.data.name if run.record.data else UNKNOWN),
    *(
        (header, 3, partial(_setting, key))
        for header, key in {
            "seed": "seed",
            "epochs": "epochs_done",
            "batch": "batch_size",
            "optimizer": "optimizer",
            "lr": "lr",
            "scheduler": "scheduler",
            "size": "image_size",
            "precision": "precision",
            "devices": "devices",
        }.items()
    ),
]


def _tables(runs: Sequence[Run]) -> list[Table]:
    """Return the table with all columns, then with fewer and fewer."""
    varied = [column for column in VARIED if len({column[2](run) for run in runs}) > 1]
    columns = [("model", 0, lambda run: run.record.label), *varied, *MEASURED]
    return [
        _table(runs, [column for column in columns if column[1] <= keep])
        for keep in range(7, -1, -1)
    ]


def _table(runs: Sequence[Run], columns: Sequence[tuple[str, int, Cell]]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for header, _, _ in columns:
        words = header in ("model", "data", "status", "optimizer", "scheduler", "precision")
        # when nothing more can be left out, a long name is folded, and no number
        fold = header == "model"
        table.add_column(header, justify="left" if words else "right", no_wrap=not fold)
    for run in runs:
        table.add_row(*(cell(run) for _, _, cell in columns))
    return table


def _order(run: Run) -> tuple[float, str]:
    accuracy = run.record.test.acc1
    return (1.0 if accuracy is None else -accuracy, run.record.id)


def _remarks(run: Run) -> list[str]:
    """Return how given weights did beside what was published, and which images were not read."""
    part = run.record.evaluation
    if part is None:
        return []
    lines = [part.check.message] if part.check else []
    how = "left out" if part.on_corrupt_image == "skip" else "counted as wrong"
    return lines + [f"could not be read, {how}: {name}" for name in part.corrupt_images]


def _result(run: Run) -> list[tuple[str, str]]:
    record = run.record
    test, timing, memory = record.test, record.timing, record.memory
    peak = memory.peak_gpu_mib
    gpu = [] if peak is None else [("of the GPU", f"{_integer(peak)} MiB")]
    return [
        (
            "run",
            f"{record.label} on {record.data.name if record.data else UNKNOWN}, {record.status}",
        ),
        ("test top-1", f"{percent(test.acc1)} of {_integer(test.n)} images"),
        ("test top-5", percent(test.acc5)),
        *_trained(record),
        (
            "testing" if record.evaluation else "training",
            f"{_integer(timing.images_per_s)} images/s",
        ),
        ("parameters", _integer(_params(record))),
        ("peak memory", f"{_integer(memory.peak_rss_mib)} MiB"),
        *gpu,
    ]


def _trained(record: RunRecord) -> list[tuple[str, str]]:
    if record.evaluation is not None:
        return []
    best = record.best
    epochs = record.training.epochs_done if record.training else None
    chosen = f"{percent(best.val_acc1)}, epoch {_integer(best.epoch)} of {_integer(epochs)}"
    return [("val top-1", chosen), ("epoch", f"{_seconds(record.timing.epoch_s)} s")]


def percent(share: float | None) -> str:
    """Return a share in [0, 1] as percent with one digit; a dash when it was not measured.

    Rounding shows 100.0 % only for a share of exactly 1.
    """
    if share is None or isnan(share):
        return UNKNOWN
    return f"{min(share, 0.999) if share < 1 else 1.0:.1%}".replace("%", " %")


def _seconds(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.3g}" if value < 100 else f"{value:,.0f}"


def _integer(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:,.0f}"


def _params(record: RunRecord) -> int | None:
    return record.model.params if record.model else None


def _mmacs(record: RunRecord) -> str:
    macs = record.model.macs if record.model else None
    return UNKNOWN if macs is None else f"{macs / 1e6:,.1f}"


def _peak_mib(record: RunRecord) -> float | None:
    """Return the device's peak where there is one: the process's says little about a GPU run."""
    gpu = record.memory.peak_gpu_mib
    return record.memory.peak_rss_mib if gpu is None else gpu


def _path(folder: Path) -> str:
    """Return the path as it can be pasted into a shell, from here when it lies below."""
    here = Path.cwd()
    return shlex.quote(str(folder.relative_to(here) if folder.is_relative_to(here) else folder))
