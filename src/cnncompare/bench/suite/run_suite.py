"""The suite: every row of the table, one group after the other; no group can end the suite."""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cnncompare.bench.machine import Busy, machine_and_versions
from cnncompare.bench.processes import our_environment, workers
from cnncompare.bench.rounds import Goal, Row, one_line
from cnncompare.bench.suite.race_table import CIFAR_STEM, RACES
from cnncompare.bench.suite.races import Images, Race, run_race, settings_of
from cnncompare.bench.suite.speedrun import speedrun_row
from cnncompare.bench.suite.start_up import (
    ANSWER_GOAL,
    ANSWERS,
    FIRST_STEP_GOAL,
    MEMORY_GOAL,
    answer_rows,
    first_step_row,
    memory_row,
)
from cnncompare.config.compose import compose_config
from cnncompare.errors import CnncompareError, DataError

FIRST_STEP = "command to the first training step, s"
MEMORY = "peak memory training LeNet-5, MiB"
SPEEDRUN = "time to 70 % validation accuracy, s"
SYNTHETIC = "data=synthetic data.synthetic.n_train={} data.synthetic.n_test={}"


@dataclass
class Result:
    """What the suite found; `settings["rows"]` says of each row how it was measured, or why not."""

    machine: dict[str, Any]
    settings: dict[str, Any]
    rows: list[Row] = field(default_factory=list)


@dataclass(frozen=True)
class Group:
    """Rows that are measured together, and what they were measured with, by row."""

    measure: Callable[[], list[Row]]
    settings: dict[str, dict[str, Any]]
    goals: dict[str, Goal] = field(default_factory=dict)


def run_suite(root: str | None, races: Sequence[Race] = RACES) -> Result:
    """Measure every row. Raises UserError, before any is, when the data cannot be read."""
    words, told = data_words(root)
    with TemporaryDirectory(prefix="cnncompare-bench-") as name:
        folder = Path(name)
        images, environment = prepared(words, folder)
        machine, versions = machine_and_versions(environment)
        result = Result(machine, {"data": told, "versions": versions, "rows": {}})
        for group in _groups(result, races, words, images, folder):
            run_group(group, result)
    return result


def run_group(group: Group, result: Result) -> None:
    """Add the group's rows; if it fails as a whole, all of them say why."""
    names = list(group.settings)
    print(f"measuring {', '.join(names)}", file=sys.stderr)
    busy = Busy()
    try:
        rows = group.measure()
    except Exception as error:
        reason = one_line(error)
        rows = [Row(name, goal=group.goals.get(name), reason=reason) for name in names]
    share = busy.other_cpu_share()
    for row in rows:
        result.rows.append(row)
        how = {
            **group.settings[row.name],
            "goal": None if row.goal is None else str(row.goal),
            "reached": row.reached,
            "other_cpu_share": share,
            "reason": row.reason,
            "estimate": row.estimate,
        }
        result.settings["rows"][row.name] = how


def _groups(
    result: Result, races: Sequence[Race], words: Sequence[str], images: Images, folder: Path
) -> list[Group]:
    empty = [folder / name for name in ("answers", "first_step", "memory")]
    for place in empty:
        place.mkdir()

    def baseline() -> float | None:
        return next((row.other for row in result.rows if row.name == CIFAR_STEM), None)

    imports = {"ours": "LeNet-5", "other": "import torch, pytorch_lightning, torchvision"}
    one_epoch = {"ours": "the command, 1 epoch", "other": "the usual script, 1 epoch"}
    return [
        *(_race(race, images) for race in races),
        Group(
            lambda: answer_rows(empty[0]),
            {name: {} for name in ANSWERS},
            dict.fromkeys(ANSWERS, ANSWER_GOAL),
        ),
        Group(
            lambda: [first_step_row(FIRST_STEP, empty[1], fewer(words))],
            {FIRST_STEP: imports},
            {FIRST_STEP: FIRST_STEP_GOAL},
        ),
        Group(
            lambda: [memory_row(MEMORY, empty[2], words, images.folder)],
            {MEMORY: one_epoch},
            {MEMORY: MEMORY_GOAL},
        ),
        Group(
            lambda: [speedrun_row(SPEEDRUN, images, baseline())],
            {SPEEDRUN: {"ours": "experiment=speedrun", "other": "ResNet-18, SGD 0.1, cosine"}},
        ),
    ]


def _race(race: Race, images: Images) -> Group:
    return Group(
        lambda: run_race(race, images),
        {wanted.name: settings_of(race, wanted, images) for wanted in race.wanted},
        {wanted.name: wanted.goal for wanted in race.wanted},
    )


def data_words(root: str | None) -> tuple[list[str], str]:
    """Return the words that name the images, and what is said of them.

    CIFAR-10 of a class-folder tree `root`, or where it was downloaded to; else a stand-in.
    """
    if root is not None:
        path = os.path.abspath(os.path.expanduser(root))
        if not all(os.path.isdir(os.path.join(path, part)) for part in ("train", "test")):
            raise DataError(f"--data {path} is no folder with train/CLASS/ and test/CLASS/")
        quoted = path.replace("\\", "\\\\").replace("'", "\\'")
        return ["data=folder", f"data.root='{quoted}'"], f"images of {path}"
    downloads = Path(os.path.expanduser(compose_config(["data=cifar10"]).data.root or ""))
    if any((downloads / f"cifar-10-{end}").exists() for end in ("batches-py", "python.tar.gz")):
        return ["data=cifar10"], "CIFAR-10"
    words = SYNTHETIC.format(50_000, 10_000).split()
    return (
        [*words, "data.augment.crop_padding=4", "data.augment.flip=true"],
        "a synthetic stand-in of CIFAR-10's size: --data PATH names a folder with its images",
    )


def fewer(words: Sequence[str]) -> list[str]:
    """Return the words for a start: the stand-in is generated anew, which takes seconds."""
    few = SYNTHETIC.format(5_000, 1_000).split()
    return [*words, *few[1:]] if few[0] in words else list(words)


def prepared(words: Sequence[str], folder: Path) -> tuple[Images, dict[str, Any]]:
    """Write the images for the usual script; return them, and the environment of a run."""
    config = compose_config([*words, "model=lenet5"])
    asked = {"be": "prepare", "config": config.model_dump(mode="json"), "folder": str(folder)}
    with workers({"prepare": asked}, {"prepare": our_environment()}) as started:
        try:
            answer = started["prepare"].answer(timeout_s=600)
        except CnncompareError as error:
            raise DataError(str(error)) from None
    images = Images(tuple(words), folder, answer["n_train"], answer["n_val"], answer["classes"])
    return images, answer["environment"]
