"""Which speed settings pay for this model on this machine, and keep its accuracy."""

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from cnncompare.bench.machine import can_compile
from cnncompare.bench.processes import Worker, our_environment, workers
from cnncompare.bench.results import add_row
from cnncompare.bench.rounds import Row, alternate, compare, one_line
from cnncompare.config.schema import Config
from cnncompare.errors import CnncompareError, RunError
from cnncompare.system.cores import available_cores
from cnncompare.system.gpus import count_cuda_gpus
from cnncompare.terminal.console import make_console
from cnncompare.terminal.formatting import percent

ROUNDS = 4  # epochs that are timed, after one that is not
EPOCH_S = 3.0  # about what an epoch takes: so many images are trained
FEWEST_IMAGES, MOST_VAL = 1024, 2000
# Any MALLOC_ variable leaves the C library its own way, see allocator.py; this one changes nothing
# else.
MALLOC = {"MALLOC_PERTURB_": "0"}

Answer = dict[str, Any]


@dataclass(frozen=True)
class Candidate:
    """Settings to try: keys of `trainer`, and variables of the environment."""

    settings: Mapping[str, Any]
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """Return the settings as they are typed: variables before the command, words after it."""
        return " ".join(
            [
                *(f"{name}={value}" for name, value in self.environment.items()),
                *(f"trainer.{key}={_plain(value)}" for key, value in self.settings.items()),
            ]
        )

    @property
    def label(self) -> str:
        """Return the words without what all of them have in common."""
        return self.words.replace("trainer.", "")


@dataclass(frozen=True)
class Tried:
    """What came of a candidate: its speed against the default's, and both accuracies."""

    candidate: Candidate
    row: Row
    acc1: float | None = None
    low: float | None = None  # of the 95 % interval of the accuracy's difference to the default's
    high: float | None = None
    keeps_accuracy: bool = False

    @property
    def pays(self) -> bool:
        """Whether it was faster in every round and keeps accuracy."""
        return self.keeps_accuracy and (self.row.ratio_low or 0.0) > 1.0


def tune(config: Config, overrides: Sequence[str]) -> None:
    """Try the settings, of a valid configuration on one device, and print the ranking."""
    short = shortened(config)
    tried = []
    for candidate in candidates(config):
        print(f"trying {candidate.words}", file=sys.stderr)
        tried.append(try_out(short, candidate))
    show(tried, short, overrides)


def candidates(config: Config) -> Iterator[Candidate]:
    """Yield what is worth trying here, single settings and those that go together."""
    on_gpu = config.trainer.accelerator in ("auto", "gpu") and count_cuda_gpus() > 0
    both = {"precision": "bf16-mixed", "channels_last": True}
    yield Candidate({"channels_last": True})
    yield Candidate({"precision": "bf16-mixed"})
    yield Candidate(both)
    yield Candidate({"trim_kernels": True})
    yield Candidate({**both, "trim_kernels": True})
    if can_compile():
        yield Candidate({"compile": True})
        yield Candidate({**both, "compile": True})
    if on_gpu:
        yield Candidate({"matmul_precision": "high"})
        return
    for threads in sorted(
        {1, available_cores() // 2} - {0, config.trainer.threads or available_cores()}
    ):
        yield Candidate({"threads": threads})
    if sys.platform == "linux":
        yield Candidate({}, MALLOC)


def shortened(config: Config) -> Config:
    """Return the configuration for so many images that an epoch takes about EPOCH_S."""
    short = _with(config, trainer={"max_epochs": ROUNDS + 1}, display={"progress": "off"})
    if getattr(short.scheduler, "warmup_epochs", 0.0) >= 1:
        short = _with(short, scheduler={"warmup_epochs": 1.0})
    with workers({"default": _asked(short)}, {"default": our_environment()}) as started:
        answer = started["default"].ask("step")
    size = config.data.batch_size
    wanted = max(FEWEST_IMAGES, size, EPOCH_S * answer["images"] / answer["seconds"])
    n_train = min(answer["n_train"], math.ceil(wanted / size) * size)
    n_val = min(answer["n_val"], MOST_VAL, n_train)
    return _with(short, data={"limit_train": n_train, "limit_val": n_val})


def try_out(config: Config, candidate: Candidate) -> Tried:
    """Train with and without the settings, both in fresh processes, an epoch at a time in turns."""
    name = candidate.label
    asked = {"default": _asked(config), "tried": _asked(_with(config, trainer=candidate.settings))}
    environment = our_environment()
    environments = {"default": environment, "tried": {**environment, **candidate.environment}}
    with workers(asked, environments) as started:
        turns = {side: partial(_epoch, worker) for side, worker in started.items()}
        try:
            for turn in turns.values():
                turn()
        except CnncompareError as error:
            return Tried(candidate, Row(name, reason=one_line(error)))
        laps = alternate(turns, rounds=ROUNDS)
    for reason in laps.failures.values():
        return Tried(candidate, Row(name, reason=reason))
    return judged(candidate, laps.series["tried"], laps.series["default"])


def judged(
    candidate: Candidate, tried: Sequence[Answer | None], default: Sequence[Answer | None]
) -> Tried:
    """Return the verdict on two trainings, epoch by epoch.

    Accuracy counts as kept when the loss stayed finite, and the 95 % interval (Newcombe 1998,
    method 10) of the last epochs' difference in validation accuracy does not lie below 0.
    """
    from statsmodels.stats.proportion import confint_proportions_2indep

    rates, others = ([_rate(answer) for answer in side] for side in (tried, default))
    row = compare(candidate.label, rates, others, None)
    last, reference = tried[-1], default[-1]
    assert last is not None
    assert reference is not None
    n = last["n_val"]
    right = [round(answer["val_acc1"] * n) for answer in (last, reference)]
    low, high = confint_proportions_2indep(right[0], n, right[1], n, method="newcomb")
    finite = all(answer and math.isfinite(answer["train_loss"]) for answer in tried)
    return Tried(
        candidate,
        row,
        acc1=last["val_acc1"],
        low=float(low),
        high=float(high),
        keeps_accuracy=finite and float(high) >= 0.0,
    )


def show(tried: Sequence[Tried], config: Config, overrides: Sequence[str]) -> None:
    """Print the ranking, the fastest first, and the command with what pays most."""
    ranking = sorted(tried, key=lambda one: one.row.ratio or 0.0, reverse=True)
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    table.add_column("images/s with trainer.*", max_width=24)
    for header in ("tried", "default", "ratio", "low-high", "n", "val top-1", ""):
        table.add_column(header, justify="right", no_wrap=True)
    for one in ranking:
        kept = {True: "", False: "worse"}[one.keeps_accuracy] if one.row.reason is None else ""
        add_row(table, one.row, percent(one.acc1), kept)
    console = make_console()
    console.print(table)
    for one in ranking:
        if one.row.reason is not None:
            console.print(f"{one.row.name}: {one.row.reason}", soft_wrap=True, markup=False)
    print(
        f"{config.data.limit_train} images an epoch, {ROUNDS + 1} epochs; worse: the 95 % interval "
        f"of the accuracy's difference to the default's, on {config.data.limit_val} images, lies "
        "below 0"
    )
    print(verdict(ranking, overrides))


def verdict(ranking: Sequence[Tried], overrides: Sequence[str]) -> str:
    """Return the command with the fastest settings that keep accuracy, or that none pays."""
    best = next((one for one in ranking if one.pays), None)
    if best is None:
        return "nothing was faster than the default in every round"
    before = "".join(f"{name}={value} " for name, value in best.candidate.environment.items())
    words = [*overrides, *Candidate(best.candidate.settings).words.split()]
    return f"fastest: {before}python -m cnncompare {' '.join(words)}"


def _epoch(worker: Worker) -> Answer:
    answer = worker.ask("epoch")
    if answer["val_acc1"] is None:
        raise RunError("the epoch was not validated")
    return answer


def _rate(answer: Answer | None) -> float | None:
    """Return images/s, without the time that checkpoints take: a whole epoch has one too."""
    if answer is None:
        return None
    return float(answer["images"] / (answer["seconds"] - answer["saving_s"]))


def _asked(config: Config) -> Answer:
    return {"be": "ours", "config": config.model_dump(mode="json")}


def _with(config: Config, **sections: Mapping[str, Any]) -> Config:
    """Return the configuration with other values in its sections."""
    return config.model_copy(
        update={
            name: getattr(config, name).model_copy(update=dict(values))
            for name, values in sections.items()
        }
    )


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
