"""``python -m cnncompare plan -m ...``: estimate the cost of a sweep without training.

For each configuration, regardless of its seed, a job is built and a few steps are timed in a
separate process.
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

from cnncompare.config.arguments import without_launcher
from cnncompare.config.schema import Config
from cnncompare.config.training_length import training_length
from cnncompare.runs.budget import choose_epochs, cost_text, macs_of_epoch, share_remark
from cnncompare.runs.lifecycle import finished_run
from cnncompare.sweep.job_state import Job
from cnncompare.sweep.job_status import reported_exit
from cnncompare.sweep.processes import start
from cnncompare.sweep.queue import job_file_content
from cnncompare.sweep.resources import DeviceSlot
from cnncompare.sweep.run_sweep import make_jobs
from cnncompare.sweep.worker import PROBE_RESULT
from cnncompare.system.signals import RaiseInterrupted
from cnncompare.system.tables import FittingColumn, fitting_table
from cnncompare.terminal.console import make_console
from cnncompare.terminal.formatting import gmacs, integer, millions, number

USAGE = """\
usage: python -m cnncompare plan -m [overrides]

Build each job of the sweep, time a few training steps, and print the estimated cost of the sweep.
Nothing is trained and no run is written. A missing data set is downloaded or decoded."""

ProbeResult = dict[str, Any]


def plan_arguments(arguments: list[str]) -> list[str]:
    """Return the arguments with which Hydra passes the composed jobs to `plan_jobs`."""
    multirun = [] if {"-m", "--multirun"} & set(arguments) else ["-m"]
    return [*multirun, *without_launcher(arguments), "hydra.launcher.plan=true"]


def plan_jobs(
    configs: Sequence[Config],
    composed: Sequence[DictConfig],
    job_overrides: Sequence[Sequence[str]],
) -> None:
    """Probe the jobs one after the other and print their costs and the total of unfinished ones."""
    jobs = make_jobs(configs, composed, job_overrides)
    probed: dict[str, ProbeResult] = {}
    rows = []
    with RaiseInterrupted(), tempfile.TemporaryDirectory(prefix="cnncompare-") as folder:
        for job in jobs:
            recipe = job.config.recipe_hash()
            if recipe not in probed:
                print(f"probing {job.number} of {len(jobs)}: {job.label}", file=sys.stderr)
                probed[recipe] = probe_job(job, Path(folder))
            finished = finished_run(job.config) is not None
            rows.append((job, costs(job.config, probed[recipe]), finished))
    _print(rows)


def probe_job(job: Job, folder: Path) -> ProbeResult:
    """Return the measurements of a job's probe, or {"problem": reason in one line}.

    `folder` holds the files of the probe.
    """
    file = folder / str(job.number) / "job.json"
    file.parent.mkdir()
    content = job_file_content(job, DeviceSlot((), shared=False)) | {"probe": True}
    file.write_text(json.dumps(content), encoding="utf-8")
    trainer = job.config.trainer.model_copy(update={"devices": 1})
    process = start(file, job.config.model_copy(update={"trainer": trainer}), dict(os.environ))
    while process.exit_code() is None:
        time.sleep(0.02)
    process.kill_group()
    report = reported_exit(file)
    if report == (0, ""):
        result: ProbeResult = json.loads(file.with_name(PROBE_RESULT).read_text(encoding="utf-8"))
        return result
    return {"problem": report[1] if report else "its process was killed: not enough memory?"}


def costs(config: Config, probed: ProbeResult) -> ProbeResult:
    """Return the probe's result with epoch_s, hours and disk_mb added; None if not measured.

    An epoch consists of its training steps and its validation, where an image counts a third of a
    training image: the backward pass computes twice as much as the forward pass. A test of
    pretrained weights has no epoch.
    """
    if not probed.get("step_s"):
        return probed | {"epoch_s": None, "hours": None, "disk_mb": None}
    step_s, batch_size = probed["step_s"], probed["batch_size"]
    if not config.trains:
        hours = probed["n_test"] / batch_size * step_s / 3600
        return probed | {"epoch_s": None, "hours": hours, "disk_mb": 0.0}
    forward_s = step_s / batch_size / 3  # of one image
    length = training_length(config, probed["n_train"], batch_size)
    steps_s = length.steps_per_epoch * step_s
    epoch_s = probed.get("epoch_s") or steps_s + probed["n_val"] * forward_s
    epochs: float = length.steps / length.steps_per_epoch
    problem: dict[str, str] = {}
    if config.budget.is_set:
        chosen, problem = _epochs(config, probed, epoch_s)
        if chosen is None:
            return probed | problem | {"epoch_s": epoch_s, "hours": None, "disk_mb": None}
        epochs, probed = chosen, probed | {"epochs": chosen}
    run_s = epochs * epoch_s + probed["n_test"] * forward_s
    disk_mb = _checkpoints_mb(config, probed["size_mb"])
    return probed | problem | {"epoch_s": epoch_s, "hours": run_s / 3600, "disk_mb": disk_mb}


def _epochs(
    config: Config, probed: ProbeResult, epoch_s: float
) -> tuple[int | None, dict[str, str]]:
    """Return the epochs of the budget, None if it is below one, and a problem or remark."""
    budget = config.budget
    assert budget.amount is not None
    in_seconds = budget.seconds is not None
    per_epoch = epoch_s if in_seconds else macs_of_epoch(probed["macs"], probed["n_train"])
    epochs = choose_epochs(budget.amount, per_epoch)
    if epochs == 0:
        cost = cost_text(per_epoch, in_seconds=in_seconds)
        return None, {"problem": f"{budget.override} is below one epoch, {cost}"}
    remark = share_remark(budget.amount, per_epoch)
    return epochs, {"remark": remark} if remark else {}


def _checkpoints_mb(config: Config, size_mb: float) -> float:
    """Return the size of best.ckpt, the weights, and last.ckpt, with the states of training."""
    one_state = ("sgd", "lion", "adagrad", "rmsprop")
    states = 1 if config.optimizer.name in one_state else 2  # of a user's optimizer: at most 2
    if config.trainer.ema_decay is not None or config.callbacks.swa is not None:
        states += 1
    return size_mb * (2 + states)


def _print(rows: Sequence[tuple[Job, ProbeResult, bool]]) -> None:
    console = make_console()
    console.print(fitting_table(_columns(rows), console))
    for job, cost, finished in rows:
        if not finished and (text := cost.get("problem") or cost.get("remark")):
            console.print(f"{job.label}: {text}", soft_wrap=True, markup=False)
    unfinished = [cost for _, cost, finished in rows if not finished]
    hours = sum(cost["hours"] or 0.0 for cost in unfinished)
    disk_mb = sum(cost["disk_mb"] or 0.0 for cost in unfinished)
    print(f"{len(unfinished)} of {len(rows)} jobs to run: {hours:.2f} h, {disk_mb:,.0f} MB of disk")


def _columns(rows: Sequence[tuple[Job, ProbeResult, bool]]) -> list[FittingColumn]:
    """Return the columns; a narrow terminal drops those with the highest priority first."""
    costs_of = [cost for _, cost, _ in rows]
    memory = [cost.get("peak_gpu_mib") or cost.get("peak_rss_mib") for cost in costs_of]
    states = [
        "already finished" if finished else "problem" if "problem" in cost else ""
        for _, cost, finished in rows
    ]
    chosen = [cost.get("epochs") for cost in costs_of]
    has_budget = any(job.config.budget.is_set for job, _, _ in rows)
    epochs = [FittingColumn("epochs", [integer(n) for n in chosen])] if has_budget else []
    return [
        FittingColumn("job", [job.label for job, _, _ in rows], justify="left", folds=True),
        FittingColumn("parameters (M)", [millions(cost.get("params")) for cost in costs_of], 4),
        FittingColumn("GMACs", [gmacs(cost.get("macs")) for cost in costs_of], 5),
        FittingColumn("peak memory (MiB)", [integer(value) for value in memory], 2),
        FittingColumn("epoch (s)", [number(cost["epoch_s"], ".1f") for cost in costs_of], 1),
        *epochs,
        FittingColumn("time (h)", [number(cost["hours"], ".3f") for cost in costs_of]),
        FittingColumn("disk (MB)", [number(cost["disk_mb"], ",.1f") for cost in costs_of], 3),
        FittingColumn("", states, 1, justify="left"),
    ]
