"""The table of predictions, image by network."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from cnncompare.inference.answers import Answer, printable
from cnncompare.runs.run import Run
from cnncompare.terminal.console import make_console
from cnncompare.terminal.formatting import percent, percentage


def print_answers(runs: Sequence[Run], answers: Sequence[tuple[Answer, ...]]) -> None:
    """Print the runs that predict, then a row per image and class with a column per network."""
    console = make_console()
    for run in runs:
        accuracy = run.record.best.val_acc1
        chosen = "" if accuracy is None else f", validation top-1 {percent(accuracy)}"
        console.print(f"{run.record.label}: {run.record.id}{chosen}", soft_wrap=True, markup=False)
    by_network = _wide_table(runs, answers)
    fits = console.measure(by_network, options=console.options.update(width=10_000)).maximum
    console.print(by_network if fits <= console.width else _tall_table(runs, answers))


def _wide_table(runs: Sequence[Run], answers: Sequence[tuple[Answer, ...]]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("image", no_wrap=True)
    for run in runs:
        table.add_column(escape(run.record.label), no_wrap=True)
    for of_image in answers:
        for cells in _rows(of_image):
            table.add_row(*map(escape, cells))
    return table


def _tall_table(runs: Sequence[Run], answers: Sequence[tuple[Answer, ...]]) -> Table:
    """Return a table with a row per network and class, for a narrow terminal."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for title in ("image", "network", "class"):
        table.add_column(title, overflow="fold")
    table.add_column("%", justify="right", no_wrap=True)
    for of_image in answers:
        name = printable(of_image[0].image)
        for run, answer in zip(runs, of_image, strict=True):
            found = [(label, percentage(confidence)) for label, confidence in answer.top]
            for label, share in found if answer.error is None else [("cannot be read", "")]:
                table.add_row(*map(escape, (name, run.record.label, label, share)))
                name = ""
    return table


def _rows(answers: Sequence[Answer]) -> list[list[str]]:
    """Return the rows of one image; the first has its name."""
    name = printable(answers[0].image)
    if answers[0].error is not None:
        return [[name, *("cannot be read" for _ in answers)]]
    columns = [
        [f"{label} {percent(confidence)}" for label, confidence in answer.top] for answer in answers
    ]
    first, *others = zip(*columns, strict=True)
    return [[name, *first], *(["", *cells] for cells in others)]
