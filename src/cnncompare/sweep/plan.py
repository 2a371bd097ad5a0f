"""``python -m cnncompare plan -m ...``: what a sweep would cost; trains and writes nothing.

Each job, seeds aside, is built and timed for a few steps in a process of its own.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from rich.box import SIMPLE_HEAD
from rich.table import Table

from cnncompare.config.schema import Config
from cnncompare.runs.run import read_existing
from cnncompare.sweep.job_state import Job
from cnncompare.sweep.job_status import own_word
from cnncompare.sweep.processes import start
from cnncompare.sweep.queue import content
from cnncompare.sweep.resources import Place
from cnncompare.sweep.run_sweep import make_jobs
from cnncompare.sweep.worker import PROBED
from cnncompare.terminal.console import make_console
from cnncompare.terminal.formatting import gmacs, integer, millions, number

USAGE = """\
usage: python -m cnncompare plan -m [overrides]

Build each job of the sweep, time a few steps of it, and print what the sweep would cost. Nothing is
trained and no run is written; a data set that is not there yet is downloaded or decoded."""

Probed = dict[str, Any]
_COSTS = (
    "parameters (M)",
    "GMACs",
    "peak memory (MiB)",
    "epoch (s)",
    "total time (h)",
    "disk (MB)",
)


def plan_arguments(arguments: list[str]) -> list[str]:
    """Return the arguments of the sweep with which Hydra calls `plan_jobs` for each job."""
    sweep = [] if {"-m", "--multirun"} & set(arguments) else ["-m"]
    return [*sweep, *arguments, "hydra.launcher.plan=true"]


def plan_jobs(
    configs: Sequence[Config],
    composed: Sequence[DictConfig],
    overrides: Sequence[Sequence[str]],
) -> None:
    """Probe the jobs one after the other and print their costs and the sum of what is open."""
    jobs = make_jobs(configs, composed, overrides)
    probed: dict[str, Probed] = {}
    rows = []
    with tempfile.TemporaryDirectory(prefix="cnncompare-") as folder:
        for job in jobs:
            recipe = job.config.recipe_hash()
            if recipe not in probed:
                print(f"probing {job.number} of {len(jobs)}: {job.label}", file=sys.stderr)
                probed[recipe] = _probe(job, Path(folder))
            rows.append((job, costs(job.config, probed[recipe]), _is_done(job.config)))
    _print(rows)


def _probe(job: Job, folder: Path) -> Probed:
    """Return what the probe measured, or {"problem": one line}."""
    file = folder / str(job.number) / "job.json"
    file.parent.mkdir()
    one_device = job.config.trainer.model_copy(update={"devices": 1})
    place = Place((), shared=False)
    file.write_text(json.dumps(content(job, place) | {"probe": True}), encoding="utf-8")
    alone = job.config.model_copy(update={"trainer": one_device})
    process = start(file, alone, dict(os.environ))
    while process.exit_code() is None:
        time.sleep(0.02)
    process.kill_group()
    word = own_word(file)
    if word == (0, ""):
        measured: Probed = json.loads(file.with_name(PROBED).read_text(encoding="utf-8"))
        return measured
    return {"problem": word[1] if word else "its process was killed: not enough memory?"}


def costs(config: Config, probed: Probed) -> Probed:
    """Return the probe with epoch_s, hours and disk_mb beside it; None where not measured.

    An epoch is its steps, and a validation image a third of a training one: the forward pass
    without the backward one, which computes twice as much. Weights that are only tested have no
    epoch.
    """
    if not probed.get("step_s"):
        return probed | {"epoch_s": None, "hours": None, "disk_mb": None}
    step_s, batch_size = probed["step_s"], config.data.batch_size
    if not config.trains:
        hours = probed["n_test"] / batch_size * step_s / 3600
        return probed | {"epoch_s": None, "hours": hours, "disk_mb": 0.0}
    image_s = step_s / batch_size / 3
    epoch_s = max(1, probed["n_train"] // batch_size) * step_s + probed["n_val"] * image_s
    whole_s = config.trainer.max_epochs * epoch_s + probed["n_test"] * image_s
    states = {"sgd": 1, "adamw": 2}[config.optimizer.name] + (config.trainer.ema_decay is not None)
    return probed | {
        "epoch_s": epoch_s,
        "hours": whole_s / 3600,
        "disk_mb": 2 * probed["size_mb"] * (1 + states),  # best and last checkpoint
    }


def _is_done(config: Config) -> bool:
    existing = read_existing(config.run_folder())
    return existing is not None and existing.record.status == "finished" and not config.force


def _print(rows: Sequence[tuple[Job, Probed, bool]]) -> None:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for header in ("job", *_COSTS, ""):
        table.add_column(header, justify="left" if header in ("job", "") else "right")
    for job, cost, done in rows:
        state = "already done" if done else cost.get("problem", "")
        table.add_row(job.label, *_cells(cost), state)
    still_open = [cost for _, cost, done in rows if not done]
    hours = sum(cost["hours"] or 0.0 for cost in still_open)
    disk_mb = sum(cost["disk_mb"] or 0.0 for cost in still_open)
    console = make_console()
    console.print(table)
    print(f"{len(still_open)} of {len(rows)} jobs to run: {hours:.2f} h, {disk_mb:,.0f} MB of disk")


def _cells(cost: Probed) -> list[str]:
    return [
        millions(cost.get("params")),
        gmacs(cost.get("macs")),
        integer(cost.get("peak_gpu_mib") or cost.get("peak_rss_mib")),
        number(cost["epoch_s"], ".1f"),
        number(cost["hours"], ".3f"),
        number(cost["disk_mb"], ",.1f"),
    ]
