"""Sweeps through Slurm: sh tests/cluster/slurm_up.sh, then pytest -m slurm tests/cluster."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.sweep.conftest import folder, started, wait_for

__all__ = ["folder"]  # the fixture

pytestmark = pytest.mark.slurm

LAUNCHER = (
    "hydra/launcher=slurm",
    "hydra.launcher.cpus_per_task=1",
    "hydra.launcher.mem_gb=2",
    "hydra.launcher.timeout_min=10",
)


def slurm(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def jobs_in(state: str) -> list[str]:
    return slurm("squeue", "--noheader", "--array", f"--states={state}", "--format=%i").split()


def statuses(folder: Path) -> list[str]:
    records = (folder / "outputs" / "default").glob("*/run.json")
    return sorted(json.loads(path.read_text())["status"] for path in records)


def test_a_requeued_job_resumes(folder: Path) -> None:
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    assert "idle" in slurm("sinfo", "--noheader", "--format=%t")
    overrides = (*LAUNCHER, "trainer.max_epochs=2", "model.options.way=wait_late,good")
    with started(folder, *overrides, MARKS=str(folder / "marks")) as process:
        wait_for((folder / "at_work").exists, 120)
        (waiting,) = [job for job in jobs_in("running") if job.endswith("_0")]
        slurm("scontrol", "requeue", waiting)
        (folder / "go_on").touch()  # the batch at hand is finished, then the process stops
        wait_for(lambda: waiting in jobs_in("pending"), 120)
        slurm("scontrol", "update", f"JobId={waiting}", "StartTime=now")  # else in two minutes
        output = process.communicate(timeout=280)[0]
    assert process.returncode == 0, output
    runs = [path.parent for path in (folder / "outputs" / "default").glob("*/run.json")]
    assert len(runs) == 2
    for run in runs:
        record = json.loads((run / "run.json").read_text())
        assert record["status"] == "finished", record["error"]
        assert len((run / "epochs.csv").read_text().splitlines()) == 3
        assert record["environment"]["threads"] == 1
    steps = [line.split()[0] for line in (folder / "marks").read_text().splitlines()]
    # 2 batches an epoch: stopped in the second one's first, which alone is done again
    assert steps.count("wait_late") == 3 + 2
    assert steps.count("good") == 4


def test_a_cancelled_job_is_interrupted_and_the_same_command_finishes_it(folder: Path) -> None:
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    overrides = (*LAUNCHER, "model.options.way=wait,good")
    with started(folder, *overrides) as process:
        wait_for((folder / "at_work").exists, 120)
        slurm("scancel", *[job for job in jobs_in("running") if job.endswith("_0")])
        (folder / "go_on").touch()
        # without Slurm's accounting the command itself does not hear of it, and would wait
        wait_for(lambda: statuses(folder) == ["finished", "interrupted"], 120)
    with started(folder, *overrides) as process:
        output = process.communicate(timeout=280)[0]
    assert process.returncode == 0, output
    assert statuses(folder) == ["finished", "finished"]
