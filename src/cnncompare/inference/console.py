"""The table of predictions, image by network."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from cnncompare.inference.answers import Answer, printable
from cnncompare.runs.run import Run
from cnncompare.terminal.console import make_console
from cnncompare.terminal.formatting import percent


def print_answers(runs: Sequence[Run], answers: Sequence[tuple[Answer, ...]]) -> None:
    """Print the runs that predict, then a row per image and class with a column per network."""
    console = make_console()
    for run in runs:
        accuracy = run.record.best.val_acc1
        chosen = "" if accuracy is None else f", validation top-1 {percent(accuracy)}"
        console.print(f"{run.record.label}: {run.record.id}{chosen}", soft_wrap=True, markup=False)
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("image", overflow="fold")
    for run in runs:
        table.add_column(escape(run.record.label), no_wrap=True)
    for of_image in answers:
        for cells in _rows(of_image):
            table.add_row(*map(escape, cells))
    console.print(table)


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
