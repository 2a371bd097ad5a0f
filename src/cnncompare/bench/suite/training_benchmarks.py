"""Training speed of cnncompare compared with the baseline script and a bare loop, by epoch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from cnncompare.bench.processes import (
    BenchWorker,
    baseline_environment,
    our_environment,
    start_workers,
)
from cnncompare.bench.rounds import BenchRow, Goal, RoundResults, alternate, ratio_row
from cnncompare.config.compose import compose_config

MAX_EPOCHS = 10_000  # more than any benchmark trains, so that no schedule ends
LR = 0.01  # of both sides; accuracy does not matter, but the loss must stay finite
BATCH_SIZE = 128
SPEED_SETTINGS = ("precision", "channels_last", "trim_kernels", "compile")

# variant: name of the worker, command to it
VARIANTS = {
    "baseline_pipeline": ("baseline", "pipeline"),
    "pipeline": ("default", "pipeline"),
    "baseline": ("baseline", "epoch"),
    "best": ("best", "epoch"),
    "float32": ("float32", "epoch"),
    "default": ("default", "epoch"),
    "bare": ("default", "bare"),
}


@dataclass(frozen=True)
class Measurement:
    """Duration of a command, and the number of images that it processed."""

    seconds: float
    images: int


@dataclass(frozen=True)
class RowSpec:
    """A row of the results: two variants, compared in images/s or in seconds."""

    name: str
    ours: str
    other: str
    goal: Goal
    in_seconds: bool = False


@dataclass(frozen=True)
class TrainingBenchmark:
    """A network, the number of images per epoch, and the rows to measure.

    Variants are "default" (cnncompare with default settings), "float32" and "best" (with the
    overrides of that name in `settings`), "bare" (a bare loop over the same batches), "pipeline"
    (batches without a model), "baseline" and "baseline_pipeline" (the same in the baseline script).
    """

    title: str
    overrides: tuple[str, ...]
    baseline_model: str
    n_train: int
    n_val: int
    rows: tuple[RowSpec, ...]
    settings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rounds: int = 5
    budget_s: float = 60.0

    @property
    def variants(self) -> list[str]:
        """The variants of the rows, in the order of VARIANTS."""
        needed = {name for row in self.rows for name in (row.ours, row.other)}
        return [name for name in VARIANTS if name in needed]


@dataclass(frozen=True)
class SuiteImages:
    """The images of all benchmarks: overrides for cnncompare, a folder for the baseline script."""

    overrides: tuple[str, ...]
    folder: Path
    n_train: int
    n_val: int
    classes: int


def run_benchmark(benchmark: TrainingBenchmark, images: SuiteImages) -> list[BenchRow]:
    """Return the rows of a benchmark; a row with a failed variant has the reason."""
    n_train, n_val = min(benchmark.n_train, images.n_train), min(benchmark.n_val, images.n_val)
    benchmark = replace(benchmark, n_train=n_train, n_val=n_val)
    names = dict.fromkeys(VARIANTS[variant][0] for variant in benchmark.variants)
    tasks = {name: _task(name, benchmark, images) for name in names}
    ours, baseline = our_environment(), baseline_environment()
    environments = {name: baseline if name == "baseline" else ours for name in names}
    with start_workers(tasks, environments) as workers:
        results = _measure(benchmark, workers, share=n_train / images.n_train)
    return [_row(row, results) for row in benchmark.rows]


def _measure(
    benchmark: TrainingBenchmark, workers: Mapping[str, BenchWorker], share: float
) -> RoundResults[Measurement]:
    # the first epoch of each worker fills caches and starts threads; it is not counted
    warm_ups = {name: partial(worker.request, "warm") for name, worker in workers.items()}
    failed_workers = alternate(warm_ups, rounds=1).failures
    variants: dict[str, Callable[[], Measurement]] = {}
    failures = {}
    for variant in benchmark.variants:
        name, command = VARIANTS[variant]
        if name in failed_workers:
            failures[variant] = failed_workers[name]
        else:
            variants[variant] = partial(measure_command, workers[name], command, share)
    results = alternate(variants, rounds=benchmark.rounds, budget_s=benchmark.budget_s)
    results.failures |= failures
    return results


def row_settings(benchmark: TrainingBenchmark, row: RowSpec, images: SuiteImages) -> dict[str, Any]:
    """Return the settings of both sides of a row, for the JSON output.

    `used` has what trainer=fast chose on this machine.
    """
    ours = [*benchmark.overrides, *benchmark.settings.get(row.ours, ())]
    trainer = compose_config(ours).trainer
    return {
        "ours": " ".join(ours),
        "used": {name: getattr(trainer, name) for name in SPEED_SETTINGS},
        "other": row.other,
        "images_train": min(benchmark.n_train, images.n_train),
        "images_val": min(benchmark.n_val, images.n_val),
    }


def our_overrides(benchmark: TrainingBenchmark, images: SuiteImages, worker: str) -> list[str]:
    """Return the overrides of one of cnncompare's workers."""
    return [
        *benchmark.overrides,
        *images.overrides,
        *benchmark.settings.get(worker, ()),
        f"data.batch_size={BATCH_SIZE}",
        f"data.limit_train={benchmark.n_train}",
        f"data.limit_val={benchmark.n_val}",
        f"optimizer.lr={LR}",
        f"trainer.max_epochs={MAX_EPOCHS}",
        "display.progress=bar",
    ]


def _task(worker: str, benchmark: TrainingBenchmark, images: SuiteImages) -> dict[str, Any]:
    if worker != "baseline":
        config = compose_config(our_overrides(benchmark, images, worker))
        return {"role": "ours", "config": config.model_dump(mode="json")}
    return {
        "role": "baseline",
        "folder": str(images.folder),
        "model": benchmark.baseline_model,
        "classes": images.classes,
        "batch_size": BATCH_SIZE,
        "n_train": benchmark.n_train,
        "n_val": benchmark.n_val,
        "lr": LR,
    }


def measure_command(worker: BenchWorker, command: str, share: float) -> Measurement:
    """Measure a command of a worker whose epoch has a `share` of the images of a full epoch.

    Checkpoints take the same time for any number of images, so only this share of it counts.
    """
    reply = worker.request(command)
    uncounted_s = reply.get("saving_s", 0.0) * (1 - share)
    return Measurement(reply["seconds"] - uncounted_s, reply["images"])


def _row(row: RowSpec, results: RoundResults[Measurement]) -> BenchRow:
    for variant in (row.ours, row.other):
        if variant in results.failures:
            reason = f"{variant}: {results.failures[variant]}"
            return BenchRow(row.name, goal=row.goal, reason=reason)
    ours, other = (_values(results.series[v], row.in_seconds) for v in (row.ours, row.other))
    return ratio_row(row.name, ours, other, row.goal)


def _values(series: list[Measurement | None], in_seconds: bool) -> list[float | None]:
    return [
        None if each is None else each.seconds if in_seconds else each.images / each.seconds
        for each in series
    ]
