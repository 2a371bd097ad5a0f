"""Throughput of pipeline, model and training loop, compared with a bare loop in one process."""

import logging
from collections.abc import Iterator

from cnncompare.bench.processes import Reply
from cnncompare.bench.results import throughput_table
from cnncompare.bench.rounds import BenchRow, ratio_row, single_row
from cnncompare.bench.turns import train_on_command
from cnncompare.config.schema import Config
from cnncompare.terminal.console import make_console

ROUNDS = 5
COMMANDS = ("pipeline", "step", "epoch", "bare")


def measure_throughput(config: Config, rounds: int = ROUNDS) -> None:
    """Measure and print images/s of a valid configuration on one device."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    rows = throughput_rows(measure_rounds(config, rounds))
    console = make_console()
    console.print(throughput_table(rows, "plain", console))
    print("an epoch includes validation, metrics and checkpoints; plain is a bare PyTorch loop")


def measure_rounds(config: Config, rounds: int) -> list[dict[str, Reply]]:
    """Return the reply to each command by round, without the warm-up round."""
    replies: list[Reply] = []
    trainer = config.trainer.model_copy(update={"max_epochs": rounds + 2})
    display = config.display.model_copy(update={"progress": "off"})
    longer = config.model_copy(update={"trainer": trainer, "display": display})
    train_on_command(longer, all_commands(rounds + 1), replies.append)
    size = len(COMMANDS)
    return [
        dict(zip(commands_of_round(number), replies[number * size :], strict=False))
        for number in range(1, rounds + 1)
    ]


def commands_of_round(number: int) -> tuple[str, ...]:
    """Return the commands of a round, in reverse order in every second round."""
    return COMMANDS if number % 2 == 0 else COMMANDS[::-1]


def all_commands(rounds: int) -> Iterator[str]:
    """Yield the commands of all rounds in order."""
    for number in range(rounds):
        yield from commands_of_round(number)


def throughput_rows(measured: list[dict[str, Reply]]) -> list[BenchRow]:
    """Return pipeline, model and loop in images/s, the loop in comparison with the bare one."""
    rates = {
        command: [replies[command]["images"] / replies[command]["seconds"] for replies in measured]
        for command in COMMANDS
    }
    return [
        single_row("pipeline: batches without a model", rates["pipeline"], None),
        single_row("model: steps on one batch", rates["step"], None),
        ratio_row("loop: an epoch", rates["epoch"], rates["bare"], None),
    ]
