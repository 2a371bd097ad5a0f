"""Search for speed settings that are faster on this machine and keep the accuracy of a model."""

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from cnncompare.bench.processes import BenchWorker, Reply, our_environment, start_workers
from cnncompare.bench.results import NARROW, row_columns
from cnncompare.bench.rounds import BenchRow, alternate, error_line, ratio_row
from cnncompare.config.fast_settings import lacks_bf16_units
from cnncompare.config.schema import Config
from cnncompare.errors import CnncompareError, RunError
from cnncompare.stats.intervals import newcombe
from cnncompare.system.compiler import has_cpp_compiler
from cnncompare.system.cores import available_cores
from cnncompare.system.gpus import count_cuda_gpus
from cnncompare.system.tables import FittingColumn, fitting_table
from cnncompare.terminal.console import make_console
from cnncompare.terminal.formatting import percent

ROUNDS = 4  # timed epochs, after one that is not timed
EPOCH_S = 3.0  # approximate duration of an epoch, which determines the number of images
MIN_TRAIN, MAX_VAL = 1024, 2000  # images
# Any variable MALLOC_... turns off the allocator setting of system/malloc.py; this value of this
# one has no other effect.
DEFAULT_MALLOC = {"MALLOC_PERTURB_": "0"}


@dataclass(frozen=True)
class Candidate:
    """Settings to measure: keys of `trainer` and environment variables."""

    settings: Mapping[str, Any]
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def command_line(self) -> str:
        """Variables, which are typed before the command, and overrides, which follow it."""
        return " ".join(
            [
                *(f"{name}={value}" for name, value in self.environment.items()),
                *(f"trainer.{key}={_typed(value)}" for key, value in self.settings.items()),
            ]
        )

    @property
    def label(self) -> str:
        """The command line without the prefix that all keys share."""
        return self.command_line.replace("trainer.", "")


@dataclass(frozen=True)
class CandidateResult:
    """Speed of a candidate in comparison with the default, and its validation accuracy."""

    candidate: Candidate
    row: BenchRow
    acc1: float | None = None
    low: float | None = None  # 95 % interval of the accuracy minus that of the default
    high: float | None = None
    keeps_accuracy: bool = False

    @property
    def pays_off(self) -> bool:
        """Whether it was faster in every round and keeps the accuracy."""
        return self.keeps_accuracy and (self.row.ratio_low or 0.0) > 1.0


def tune(config: Config, overrides: Sequence[str]) -> None:
    """Measure all candidates for a valid configuration on one device, and print the ranking."""
    short = shorten(config)
    results = []
    for candidate in candidates(config):
        print(f"measuring {candidate.command_line}", file=sys.stderr)
        results.append(measure_candidate(short, candidate))
    print_ranking(results, short, overrides)


def candidates(config: Config) -> Iterator[Candidate]:
    """Yield single settings and useful combinations for this machine.

    Without units for bf16 a network takes up to eight times as long with it: it is not tried.
    """
    yield from _layouts(has_bf16=not lacks_bf16_units(config.trainer.accelerator))
    if config.trainer.accelerator in ("auto", "gpu") and count_cuda_gpus() > 0:
        yield Candidate({"matmul_precision": "high"})
        return
    cores = available_cores()
    for threads in sorted({1, cores // 2} - {0, config.trainer.threads or cores}):
        yield Candidate({"threads": threads})
    if sys.platform == "linux":
        yield Candidate({}, DEFAULT_MALLOC)


def _layouts(*, has_bf16: bool) -> Iterator[Candidate]:
    layout = {"channels_last": True}
    both = {"precision": "bf16-mixed", **layout}
    yield Candidate(layout)
    if has_bf16:
        yield Candidate({"precision": "bf16-mixed"})
        yield Candidate(both)
    best = both if has_bf16 else layout
    yield Candidate({"trim_kernels": True})
    yield Candidate({**best, "trim_kernels": True})
    if has_cpp_compiler():
        yield Candidate({"compile": True})
        yield Candidate({**best, "compile": True})


def shorten(config: Config) -> Config:
    """Return the configuration with as many images as train in about EPOCH_S per epoch."""
    short = _with(config, trainer={"max_epochs": ROUNDS + 1}, display={"progress": "off"})
    if getattr(short.scheduler, "warmup_epochs", 0.0) >= 1:
        short = _with(short, scheduler={"warmup_epochs": 1.0})
    with start_workers({"default": _task(short)}, {"default": our_environment()}) as workers:
        reply = workers["default"].request("step")
    size = reply["batch_size"]
    images = max(MIN_TRAIN, size, EPOCH_S * reply["images"] / reply["seconds"])
    n_train = min(reply["n_train"], math.ceil(images / size) * size)
    n_val = min(reply["n_val"], MAX_VAL, n_train)
    return _with(short, data={"limit_train": n_train, "limit_val": n_val})


def measure_candidate(config: Config, candidate: Candidate) -> CandidateResult:
    """Train with and without the settings, in two new processes that alternate by epoch."""
    name = candidate.label
    changed = _with(config, trainer=candidate.settings)
    tasks = {"default": _task(config), "candidate": _task(changed)}
    environment = our_environment()
    environments = {"default": environment, "candidate": {**environment, **candidate.environment}}
    with start_workers(tasks, environments) as workers:
        epochs = {side: partial(_epoch, worker) for side, worker in workers.items()}
        try:
            for warm_up in epochs.values():
                warm_up()
        except CnncompareError as error:
            return CandidateResult(candidate, BenchRow(name, reason=error_line(error)))
        results = alternate(epochs, rounds=ROUNDS)
    for reason in results.failures.values():
        return CandidateResult(candidate, BenchRow(name, reason=reason))
    return compare_trainings(candidate, results.series["candidate"], results.series["default"])


def compare_trainings(
    candidate: Candidate, replies: Sequence[Reply | None], default: Sequence[Reply | None]
) -> CandidateResult:
    """Return the result of two trainings, given the reply of each epoch.

    Accuracy is kept if the loss stayed finite and the 95 % interval (Newcombe 1998, method 10) of
    the difference in validation accuracy after the last epoch does not lie entirely below 0.
    """
    rates, default_rates = ([_rate(reply) for reply in side] for side in (replies, default))
    last, reference = replies[-1], default[-1]
    assert last is not None
    assert reference is not None
    low, high = _difference_interval(last, reference)
    finite = all(reply and math.isfinite(reply["train_loss"]) for reply in replies)
    return CandidateResult(
        candidate,
        ratio_row(candidate.label, rates, default_rates, None),
        acc1=last["val_acc1"],
        low=low,
        high=high,
        keeps_accuracy=finite and high >= 0.0,
    )


def _difference_interval(last: Reply, reference: Reply) -> tuple[float, float]:
    n = last["n_val"]
    correct = [round(reply["val_acc1"] * n) for reply in (last, reference)]
    return newcombe((correct[0], n), (correct[1], n))


def print_ranking(
    results: Sequence[CandidateResult], config: Config, overrides: Sequence[str]
) -> None:
    """Print the results, fastest first, and the command with the recommended settings."""
    ranking = sorted(results, key=lambda result: result.row.ratio or 0.0, reverse=True)
    console = make_console()
    console.print(fitting_table(_ranking_columns(ranking), console, padding=NARROW))
    for result in ranking:
        if result.row.reason is not None:
            text = f"{result.row.name}: {result.row.reason}"
            console.print(text, soft_wrap=True, markup=False)
    print(
        f"{config.data.limit_train} training images, {ROUNDS + 1} epochs; worse: the 95 % interval "
        f"of the accuracy minus that of the default, on {config.data.limit_val} validation images, "
        "lies entirely below 0"
    )
    print(recommendation(ranking, overrides))


def _ranking_columns(ranking: Sequence[CandidateResult]) -> list[FittingColumn]:
    name, ours, other, *measured = row_columns(
        "images/s with trainer.*", [result.row for result in ranking], "default"
    )
    worse = [
        "worse" if result.row.reason is None and not result.keeps_accuracy else ""
        for result in ranking
    ]
    return [
        name,
        replace(ours, title="setting"),
        replace(other, priority=4),
        *measured,
        FittingColumn("val top-1", [percent(result.acc1) for result in ranking], 1),
        FittingColumn("", worse, 0, justify="left"),
    ]


def recommendation(ranking: Sequence[CandidateResult], overrides: Sequence[str]) -> str:
    """Return the command with the fastest settings that pay off, or a sentence that none do."""
    best = next((result for result in ranking if result.pays_off), None)
    if best is None:
        return "no setting was faster than the default in every round"
    variables = "".join(f"{name}={value} " for name, value in best.candidate.environment.items())
    settings = Candidate(best.candidate.settings).command_line.split()
    return f"fastest: {variables}python -m cnncompare {' '.join([*overrides, *settings])}"


def _epoch(worker: BenchWorker) -> Reply:
    reply = worker.request("epoch")
    if reply["val_acc1"] is None:
        raise RunError("the epoch was not validated")
    return reply


def _rate(reply: Reply | None) -> float | None:
    """Return images/s without the time for checkpoints, which does not depend on the images."""
    if reply is None:
        return None
    return float(reply["images"] / (reply["seconds"] - reply["saving_s"]))


def _task(config: Config) -> dict[str, Any]:
    return {"role": "ours", "config": config.model_dump(mode="json")}


def _with(config: Config, **sections: Mapping[str, Any]) -> Config:
    """Return the configuration with changed values in its sections."""
    return config.model_copy(
        update={
            name: getattr(config, name).model_copy(update=dict(values))
            for name, values in sections.items()
        }
    )


def _typed(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
