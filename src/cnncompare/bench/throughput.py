"""Throughput of pipeline, model and loop as configured, beside a plain loop, in this process."""

import logging
from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.table import Table

from cnncompare.bench.results import add_row
from cnncompare.bench.rounds import Row, alone, compare
from cnncompare.bench.turns import Reply, take_turns
from cnncompare.config.schema import Config
from cnncompare.terminal.console import make_console

ROUNDS = 5
ROUND = ("pipeline", "step", "epoch", "bare")


def measure_throughput(config: Config, rounds: int = ROUNDS) -> None:
    """Print images/s of a valid configuration on one device."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    rows = throughput_rows(measured(config, rounds))
    console = make_console()
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for header in ("images/s", "ours", "plain", "ratio", "low-high", "n"):
        table.add_column(header, justify="left" if header == "images/s" else "right")
    for row in rows:
        add_row(table, row)
    console.print(table)
    print("an epoch trains and validates, everything on; plain is a bare loop, same batches")


def measured(config: Config, rounds: int) -> list[dict[str, Reply]]:
    """Return what each command was answered, by round; a round before them is not counted."""
    answers: list[Reply] = []
    longer = config.trainer.model_copy(update={"max_epochs": rounds + 2})
    silent = config.display.model_copy(update={"progress": "off"})
    kept_on = config.model_copy(update={"trainer": longer, "display": silent})
    take_turns(kept_on, commands(rounds + 1), answers.append)
    size = len(ROUND)
    return [
        dict(zip(order(number), answers[number * size :], strict=False))
        for number in range(1, rounds + 1)
    ]


def order(number: int) -> tuple[str, ...]:
    """Return the commands of a round, every second one the other way round."""
    return ROUND if number % 2 == 0 else ROUND[::-1]


def commands(rounds: int) -> Iterator[str]:
    """Yield the commands of all rounds, in their order."""
    for number in range(rounds):
        yield from order(number)


def throughput_rows(measured: list[dict[str, Reply]]) -> list[Row]:
    """Return pipeline, model and loop in images/s, the last against the plain loop."""
    by = {
        command: [answers[command]["images"] / answers[command]["seconds"] for answers in measured]
        for command in ROUND
    }
    return [
        alone("pipeline: the batches alone", by["pipeline"], None),
        alone("model: steps on one batch", by["step"], None),
        compare("loop: an epoch", by["epoch"], by["bare"], None),
    ]
