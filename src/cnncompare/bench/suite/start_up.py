"""Response time, time to the first step and memory of commands, each in a new process."""

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from cnncompare.bench.processes import (
    baseline_environment,
    our_environment,
    peak_pss_mib,
    time_command,
)
from cnncompare.bench.rounds import BenchRow, Goal, RoundResults, alternate, ratio_row, single_row

CNNCOMPARE = (sys.executable, "-m", "cnncompare")
USER_ERROR = 2
STOPPED = 77  # exit code of a process that ends itself at the point of measurement
RESPONSE_GOAL = Goal(1.0, "at most")  # seconds
FIRST_STEP_GOAL = Goal(1.15, "at most")
MEMORY_GOAL = Goal(1.0, "at most")
RESPONSES = {  # row: arguments and exit code
    "--help, s": (("--help",), 0),
    "models, s": (("models",), 0),
    "configuration error, s": (("modle=vgg16",), USER_ERROR),
}

# A LeNet-5 that ends the process at its first training step, so that the command is unmodified
_MODULE = f"""\
import os

from cnncompare.models.zoo.lenet5 import LeNet5
from cnncompare.models.registry import register


class ExitAtFirstStep(LeNet5):
    def forward(self, images):
        if self.training:
            os._exit({STOPPED})
        return super().forward(images)


@register("first_step", family="bench", year=2026, paper="none", input_size=(3, 32, 32))
def first_step(*, classes, in_channels, image_size, stem):
    return ExitAtFirstStep(classes, in_channels, image_size)
"""
_CONF = "{name: first_step, source: own, module: bench_first_step, lr: {sgd: 0.01, adamw: 1e-3}}\n"
_IMPORTS = f"import os, torch, pytorch_lightning, torchvision; os._exit({STOPPED})"

Measure = Callable[[], float]


def response_rows(folder: Path, rounds: int = 5) -> list[BenchRow]:
    """Return the response time of commands that train nothing."""
    variants: dict[str, Measure] = {
        name: partial(time_command, (*CNNCOMPARE, *arguments), code, our_environment(), folder)
        for name, (arguments, code) in RESPONSES.items()
    }
    results = _after_warm_up(variants, rounds)
    return [_single(name, results, RESPONSE_GOAL) for name in RESPONSES]


def first_step_row(name: str, folder: Path, overrides: Sequence[str], rounds: int = 4) -> BenchRow:
    """Return the time to the first training step, compared with the necessary imports alone."""
    (folder / "conf" / "model").mkdir(parents=True)
    (folder / "conf" / "model" / "first_step.yaml").write_text(_CONF, encoding="utf-8")
    (folder / "bench_first_step.py").write_text(_MODULE, encoding="utf-8")
    command = (*CNNCOMPARE, "model=first_step", *overrides, "force=true")
    imports = (sys.executable, "-c", _IMPORTS)
    variants: dict[str, Measure] = {
        "ours": partial(time_command, command, STOPPED, our_environment(), folder),
        "imports": partial(time_command, imports, STOPPED, baseline_environment(), folder),
    }
    return _ratio(name, _after_warm_up(variants, rounds), "ours", "imports", FIRST_STEP_GOAL)


def memory_row(
    name: str,
    folder: Path,
    overrides: Sequence[str],
    images: Path,
    rounds: int = 2,
) -> BenchRow:
    """Return the peak memory of training LeNet-5, in MiB, compared with the baseline script."""
    ours = (*CNNCOMPARE, "model=lenet5", "trainer.max_epochs=1", *overrides, "force=true")
    baseline = (sys.executable, "-m", "cnncompare.bench.suite.baseline_script", f"--data={images}",
                "--model=lenet5", "--lr=0.01", "--epochs=1")  # fmt: skip
    variants: dict[str, Measure] = {
        "ours": partial(peak_pss_mib, ours, our_environment(), folder),
        "baseline": partial(peak_pss_mib, baseline, baseline_environment(), folder),
    }
    return _ratio(name, alternate(variants, rounds=rounds), "ours", "baseline", MEMORY_GOAL)


def _after_warm_up(variants: Mapping[str, Measure], rounds: int) -> RoundResults[float]:
    """Measure with one more round, the first, in which files are read from disk, not counted."""
    results = alternate(variants, rounds=rounds + 1)
    series = {name: values[1:] for name, values in results.series.items()}
    return RoundResults(series, results.failures)


def _single(name: str, results: RoundResults[float], goal: Goal) -> BenchRow:
    if name in results.failures:
        return BenchRow(name, goal=goal, reason=results.failures[name])
    return single_row(name, results.series[name], goal)


def _ratio(name: str, results: RoundResults[float], ours: str, other: str, goal: Goal) -> BenchRow:
    for side in (ours, other):
        if side in results.failures:
            return BenchRow(name, goal=goal, reason=f"{side}: {results.failures[side]}")
    return ratio_row(name, results.series[ours], results.series[other], goal)
