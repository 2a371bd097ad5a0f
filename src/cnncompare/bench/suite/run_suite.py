"""All rows of the benchmark suite; a group of rows that fails does not end the suite."""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cnncompare.bench.machine import machine_and_versions
from cnncompare.bench.processes import our_environment, start_workers
from cnncompare.bench.rounds import BenchRow, Goal, error_line
from cnncompare.bench.suite.benchmark_table import BENCHMARKS, CIFAR_STEM
from cnncompare.bench.suite.speedrun import speedrun_row
from cnncompare.bench.suite.start_up import (
    FIRST_STEP_GOAL,
    MEMORY_GOAL,
    RESPONSE_GOAL,
    RESPONSES,
    first_step_row,
    memory_row,
    response_rows,
)
from cnncompare.bench.suite.training_benchmarks import (
    SuiteImages,
    TrainingBenchmark,
    row_settings,
    run_benchmark,
)
from cnncompare.config.compose import compose_config
from cnncompare.errors import CnncompareError, DataError
from cnncompare.system.cpu_usage import OtherCpuUsage

FIRST_STEP = "command to the first training step, s"
MEMORY = "peak memory of LeNet-5 training, MiB"
SPEEDRUN = "time to 70 % validation accuracy, s"
SYNTHETIC = "data=synthetic data.synthetic.n_train={} data.synthetic.n_test={}"


@dataclass
class SuiteResult:
    """Results of the suite; `settings["rows"]` has the settings of each row, or why it failed."""

    machine: dict[str, Any]
    settings: dict[str, Any]
    rows: list[BenchRow] = field(default_factory=list)


@dataclass(frozen=True)
class RowGroup:
    """Rows that are measured together, with the settings and goals of each."""

    measure: Callable[[], list[BenchRow]]
    settings: dict[str, dict[str, Any]]
    goals: dict[str, Goal] = field(default_factory=dict)


def run_suite(
    root: str | None, benchmarks: Sequence[TrainingBenchmark] = BENCHMARKS
) -> SuiteResult:
    """Measure every row. Raises UserError before the first one if the data cannot be read."""
    overrides, description = data_overrides(root)
    with TemporaryDirectory(prefix="cnncompare-bench-") as name:
        folder = Path(name)
        images, environment = prepare_images(overrides, folder)
        machine, versions = machine_and_versions(environment)
        result = SuiteResult(machine, {"data": description, "versions": versions, "rows": {}})
        for group in _groups(result, benchmarks, images, folder):
            run_group(group, result)
    return result


def run_group(group: RowGroup, result: SuiteResult) -> None:
    """Add the rows of the group; if it fails as a whole, each of them has the reason."""
    names = list(group.settings)
    print(f"measuring {', '.join(names)}", file=sys.stderr)
    usage = OtherCpuUsage()
    usage.start()
    try:
        rows = group.measure()
    except Exception as error:
        reason = error_line(error)
        rows = [BenchRow(name, goal=group.goals.get(name), reason=reason) for name in names]
    share = usage.share()
    for row in rows:
        result.rows.append(row)
        result.settings["rows"][row.name] = {
            **group.settings[row.name],
            "goal": None if row.goal is None else str(row.goal),
            "reached": row.reached,
            "other_cpu_share": None if share is None else round(share, 3),
            "reason": row.reason,
            "estimate": row.estimate,
        }


def _groups(
    result: SuiteResult,
    benchmarks: Sequence[TrainingBenchmark],
    images: SuiteImages,
    folder: Path,
) -> list[RowGroup]:
    def baseline_images_per_s() -> float | None:
        return next((row.other for row in result.rows if row.name == CIFAR_STEM), None)

    return [
        *(_benchmark_group(benchmark, images) for benchmark in benchmarks),
        *_start_up_groups(images, folder),
        RowGroup(
            lambda: [speedrun_row(SPEEDRUN, images, baseline_images_per_s())],
            {SPEEDRUN: {"ours": "experiment=speedrun", "other": "ResNet-18, SGD 0.1, cosine"}},
        ),
    ]


def _benchmark_group(benchmark: TrainingBenchmark, images: SuiteImages) -> RowGroup:
    return RowGroup(
        lambda: run_benchmark(benchmark, images),
        {row.name: row_settings(benchmark, row, images) for row in benchmark.rows},
        {row.name: row.goal for row in benchmark.rows},
    )


def _start_up_groups(images: SuiteImages, folder: Path) -> list[RowGroup]:
    empty = [folder / name for name in ("responses", "first_step", "memory")]
    for subfolder in empty:
        subfolder.mkdir()
    few_images = with_fewer_images(images.overrides)
    imports = {"ours": "LeNet-5", "other": "import torch, pytorch_lightning, torchvision"}
    one_epoch = {"ours": "the command, 1 epoch", "other": "the baseline script, 1 epoch"}
    return [
        RowGroup(
            lambda: response_rows(empty[0]),
            {name: {} for name in RESPONSES},
            dict.fromkeys(RESPONSES, RESPONSE_GOAL),
        ),
        RowGroup(
            lambda: [first_step_row(FIRST_STEP, empty[1], few_images)],
            {FIRST_STEP: imports},
            {FIRST_STEP: FIRST_STEP_GOAL},
        ),
        RowGroup(
            lambda: [memory_row(MEMORY, empty[2], images.overrides, images.folder)],
            {MEMORY: one_epoch},
            {MEMORY: MEMORY_GOAL},
        ),
    ]


def data_overrides(root: str | None) -> tuple[list[str], str]:
    """Return the overrides that select the images, and a description of them.

    The images are CIFAR-10 from `root`, with a folder per class, or from the downloads, or else
    synthetic.
    """
    if root is not None:
        return _folder_overrides(os.path.abspath(os.path.expanduser(root)))
    downloads = Path(os.path.expanduser(compose_config(["data=cifar10"]).data.root or ""))
    if any((downloads / f"cifar-10-{end}").exists() for end in ("batches-py", "python.tar.gz")):
        return ["data=cifar10"], "CIFAR-10"
    synthetic = SYNTHETIC.format(50_000, 10_000).split()
    return (
        [*synthetic, "data.augment.crop_padding=4", "data.augment.flip=true"],
        "synthetic images in the size of CIFAR-10; --data PATH selects a folder of its images",
    )


def _folder_overrides(root: str) -> tuple[list[str], str]:
    if not all(os.path.isdir(os.path.join(root, split)) for split in ("train", "test")):
        raise DataError(f"--data {root}: the folder must contain train/CLASS/ and test/CLASS/")
    quoted = root.replace("\\", "\\\\").replace("'", "\\'")
    return ["data=folder", f"data.root='{quoted}'"], f"images in {root}"


def with_fewer_images(overrides: Sequence[str]) -> list[str]:
    """Return the overrides with fewer synthetic images, which take seconds to generate."""
    few = SYNTHETIC.format(5_000, 1_000).split()
    return [*overrides, *few[1:]] if few[0] in overrides else list(overrides)


def prepare_images(overrides: Sequence[str], folder: Path) -> tuple[SuiteImages, dict[str, Any]]:
    """Write the images for the baseline script; return them and the environment of a run."""
    config = compose_config([*overrides, "model=lenet5"])
    task = {"role": "prepare", "config": config.model_dump(mode="json"), "folder": str(folder)}
    with start_workers({"prepare": task}, {"prepare": our_environment()}) as workers:
        try:
            reply = workers["prepare"].receive(timeout_s=600)
        except CnncompareError as error:
            raise DataError(str(error)) from None
    counts = reply["n_train"], reply["n_val"], reply["classes"]
    return SuiteImages(tuple(overrides), folder, *counts), reply["environment"]
