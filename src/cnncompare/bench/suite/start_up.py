"""How soon a command answers or trains, and how much memory it takes: fresh processes, in turns."""

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from cnncompare.bench.processes import (
    our_environment,
    peak_pss_mib,
    seconds_of,
    usual_environment,
)
from cnncompare.bench.rounds import Goal, Laps, Row, alone, alternate, compare

CNNCOMPARE = (sys.executable, "-m", "cnncompare")
USER_ERROR = 2
REACHED = 77  # exit code of a process that came as far as it should, and left there
ANSWER_GOAL = Goal(1.0, "at most")  # seconds
FIRST_STEP_GOAL = Goal(1.3, "at most")
MEMORY_GOAL = Goal(1.0, "at most")
ANSWERS = {  # row: the words and the exit code
    "--help, s": (("--help",), 0),
    "models, s": (("models",), 0),
    "a configuration error, s": (("modle=vgg16",), USER_ERROR),
}

# LeNet-5 that leaves the process when it is first trained: the command itself stays as it is
_MODULE = f"""\
import os

from cnncompare.models.zoo.lenet5 import LeNet5
from cnncompare.models.registry import register


class UpToTheFirstStep(LeNet5):
    def forward(self, images):
        if self.training:
            os._exit({REACHED})
        return super().forward(images)


@register("first_step", family="bench", year=2026, paper="none", input_size=(3, 32, 32))
def first_step(*, classes, in_channels, image_size, stem):
    return UpToTheFirstStep(classes, in_channels, image_size)
"""
_CONF = "{name: first_step, source: own, module: bench_first_step, lr: {sgd: 0.01, adamw: 1e-3}}\n"
_IMPORTS = f"import os, torch, pytorch_lightning, torchvision; os._exit({REACHED})"

Measure = Callable[[], float]


def answer_rows(folder: Path, rounds: int = 5) -> list[Row]:
    """Return how long the command takes where nothing is trained."""
    turns: dict[str, Measure] = {
        name: partial(seconds_of, (*CNNCOMPARE, *words), code, our_environment(), folder)
        for name, (words, code) in ANSWERS.items()
    }
    laps = _warm(turns, rounds)
    return [_alone(name, laps, ANSWER_GOAL) for name in ANSWERS]


def first_step_row(name: str, folder: Path, words: Sequence[str], rounds: int = 4) -> Row:
    """Return the time from the command to the first training step, against the imports alone."""
    (folder / "conf" / "model").mkdir(parents=True)
    (folder / "conf" / "model" / "first_step.yaml").write_text(_CONF, encoding="utf-8")
    (folder / "bench_first_step.py").write_text(_MODULE, encoding="utf-8")
    command = (*CNNCOMPARE, "model=first_step", *words, "force=true")
    turns: dict[str, Measure] = {
        "ours": partial(seconds_of, command, REACHED, our_environment(), folder),
        "imports": partial(
            seconds_of, (sys.executable, "-c", _IMPORTS), REACHED, usual_environment(), folder
        ),
    }
    return _against(name, _warm(turns, rounds), "ours", "imports", FIRST_STEP_GOAL)


def memory_row(
    name: str,
    folder: Path,
    words: Sequence[str],
    images: Path,
    rounds: int = 2,
) -> Row:
    """Return the peak memory of a training of LeNet-5, in MiB, against the usual script's."""
    ours = (*CNNCOMPARE, "model=lenet5", "trainer.max_epochs=1", *words, "force=true")
    usual = (sys.executable, "-m", "cnncompare.bench.suite.baseline_script", f"--data={images}",
             "--model=lenet5", "--lr=0.01", "--epochs=1")  # fmt: skip
    turns: dict[str, Measure] = {
        "ours": partial(peak_pss_mib, ours, our_environment(), folder),
        "usual": partial(peak_pss_mib, usual, usual_environment(), folder),
    }
    laps = alternate(turns, rounds=rounds)
    return _against(name, laps, "ours", "usual", MEMORY_GOAL)


def _warm(turns: Mapping[str, Measure], rounds: int) -> Laps[float]:
    """Take turns; the first, in which files are first read, is not counted."""
    laps = alternate(turns, rounds=rounds + 1)
    return Laps({name: series[1:] for name, series in laps.series.items()}, laps.failures)


def _alone(name: str, laps: Laps[float], goal: Goal) -> Row:
    if name in laps.failures:
        return Row(name, goal=goal, reason=laps.failures[name])
    return alone(name, laps.series[name], goal)


def _against(name: str, laps: Laps[float], ours: str, other: str, goal: Goal) -> Row:
    for side in (ours, other):
        if side in laps.failures:
            return Row(name, goal=goal, reason=f"{side}: {laps.failures[side]}")
    return compare(name, laps.series[ours], laps.series[other], goal)
