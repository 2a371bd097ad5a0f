"""The table of a sweep's runs, which drops columns to fit the terminal."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from cnncompare.language.catalogue import marked, tr
from cnncompare.runs.record import RunRecord
from cnncompare.runs.run import Run
from cnncompare.terminal.console import make_console
from cnncompare.terminal.formatting import UNKNOWN, gmacs, integer, millions, percent, significant
from cnncompare.terminal.result import (
    comparability_remarks,
    evaluation_remarks,
    health_remarks,
    shell_path,
)
from cnncompare.terminal.varied_settings import varied_settings


def print_sweep_table(runs: Sequence[Run]) -> None:
    """Print a sweep's runs in the order of its jobs, then the errors of failed runs.

    They are not ranked: the order of single runs says little about the networks. A narrow terminal
    drops columns, the least important first; no number is wrapped.
    """
    console = make_console()
    console.print()
    console.print(_fitting_table(runs, console))
    if len(runs) > 1:
        message = marked(
            "single runs, not ranked; the report tests which differences are significant"
        )
        console.print(tr(message))
    for line in dict.fromkeys(line for run in runs for line in _remarks(run.record)):
        console.print(line, markup=False)
    for folder in dict.fromkeys(run.folder.parent for run in runs):
        console.print(shell_path(folder), soft_wrap=True)


def _remarks(record: RunRecord) -> list[str]:
    error = [] if record.error is None else [f"{record.id}: {record.error.message}"]
    lines = [*comparability_remarks(record), *health_remarks(record), *evaluation_remarks(record)]
    return error + [f"{record.label}: {line}" for line in lines]


@dataclass(frozen=True)
class _Column:
    """A column; a narrow terminal drops the highest `priority` first, and never 0."""

    title: str
    priority: int
    cell: Callable[[RunRecord], str]
    numeric: bool = True


def _setting(key: str, record: RunRecord) -> str:
    value = getattr(record.settings, key, None)
    return UNKNOWN if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _number(method: str, record: RunRecord) -> str:
    """Return the number of the fold or hold-out that was tested."""
    drawn = record.data.resampling if record.data else None
    return str(drawn.number) if drawn and drawn.method == method else UNKNOWN


def _params(record: RunRecord) -> str:
    return millions(record.model.params if record.model else None)


def _gmacs(record: RunRecord) -> str:
    return gmacs(record.model.macs if record.model else None)


def _peak_memory(record: RunRecord) -> str:
    """Return the peak of the GPU if there is one, since the process then uses little itself."""
    gpu = record.memory.peak_gpu_mib
    return integer(record.memory.peak_rss_mib if gpu is None else gpu)


_MODEL = _Column(marked("model"), 0, lambda record: record.label, numeric=False)
_STATUS = _Column(marked("status"), 2, lambda record: tr(record.status), numeric=False)
_RESULTS = (
    _Column(marked("val top-1"), 5, lambda record: percent(record.best.val_acc1)),
    _Column(marked("test top-1"), 0, lambda record: percent(record.test.acc1)),
    _Column(marked("epoch (s)"), 1, lambda record: significant(record.timing.epoch_s)),
    _Column(marked("images/s"), 6, lambda record: integer(record.timing.images_per_s)),
    _Column(marked("parameters (M)"), 4, _params),
    _Column(marked("GMACs"), 7, _gmacs),
    _Column(marked("peak memory (MiB)"), 8, _peak_memory),
)
# printed only if the runs differ in it
_SETTINGS = (
    _Column(marked("data"), 1, lambda r: r.data.name if r.data else UNKNOWN, numeric=False),
    _Column(marked("seed"), 3, partial(_setting, "seed")),
    _Column(marked("fold"), 3, partial(_number, "folds")),
    _Column(marked("hold-out"), 3, partial(_number, "holdouts")),
    _Column(marked("epochs"), 3, partial(_setting, "epochs_done")),
    _Column(marked("batch size"), 3, partial(_setting, "batch_size")),
    _Column(marked("optimizer"), 3, partial(_setting, "optimizer"), numeric=False),
    _Column(marked("lr"), 3, partial(_setting, "lr")),
    _Column(marked("scheduler"), 3, partial(_setting, "scheduler"), numeric=False),
    _Column(marked("image size"), 3, partial(_setting, "image_size")),
    _Column(marked("precision"), 3, partial(_setting, "precision"), numeric=False),
    _Column(marked("devices"), 3, partial(_setting, "devices")),
)


def _fitting_table(runs: Sequence[Run], console: Console) -> Table:
    """Return the table with as many columns as fit the console's width."""
    records = [run.record for run in runs]
    unfinished = any(record.status != "finished" for record in records)
    columns = [_MODEL, *_varied(runs), *([_STATUS] if unfinished else []), *_RESULTS]
    unlimited = console.options.update(width=1000)
    for lowest in range(max(column.priority for column in columns), 0, -1):
        table = _table(records, [column for column in columns if column.priority <= lowest])
        if console.measure(table, options=unlimited).maximum <= console.width:
            return table
    return _table(records, [column for column in columns if column.priority == 0])


def _varied(runs: Sequence[Run]) -> list[_Column]:
    """Return a column for each setting that tells the runs apart."""
    records = [run.record for run in runs]
    usual = [c for c in _SETTINGS if len({c.cell(record) for record in records}) > 1]
    shown = [tuple(column.cell(record) for column in (_MODEL, *usual)) for record in records]
    others = varied_settings(runs, shown)
    return [*usual, *(_other(title, records, cells) for title, cells in others.items())]


def _other(title: str, records: Sequence[RunRecord], cells: Sequence[str]) -> _Column:
    by_run = {record.id: cell for record, cell in zip(records, cells, strict=True)}
    numeric = all(cell.replace(".", "").replace("e-", "").isdigit() for cell in cells)
    return _Column(title, 3, lambda record: by_run[record.id], numeric)


def _table(records: Sequence[RunRecord], columns: Sequence[_Column]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        justify = "right" if column.numeric else "left"
        # if nothing more can be dropped, a long model name is wrapped, but no number
        table.add_column(tr(column.title), justify=justify, no_wrap=column is not _MODEL)  # type: ignore[arg-type]
    for record in records:
        table.add_row(*(column.cell(record) for column in columns))
    return table
