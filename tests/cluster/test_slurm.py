"""Sweeps through Slurm: sh tests/cluster/slurm_up.sh, then pytest -m slurm tests/cluster."""

import json
import subprocess
import time
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


@pytest.fixture(autouse=True)
def no_earlier_jobs() -> None:
    """Wait for the processes of the jobs of the test before, which exit after their results."""
    wait_for(lambda: not slurm("squeue", "--noheader"), 120)


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
    # 2 batches an epoch: stopped in the second one's first or, on a busy machine, second
    assert steps.count("wait_late") in (3 + 2, 4 + 2)
    assert steps.count("good") == 4


def exit_codes() -> dict[str, str]:
    """Return {task of the newest array: its exit code}."""
    rows = [
        dict(pair.split("=", 1) for pair in line.split() if "=" in pair)
        for line in slurm("scontrol", "show", "job", "--oneliner").splitlines()
    ]
    newest = max(int(row["ArrayJobId"]) for row in rows if "ArrayJobId" in row)
    array = [row for row in rows if row.get("ArrayJobId") == str(newest)]
    return {row["ArrayTaskId"]: row["ExitCode"] for row in array}


def test_a_cancelled_job_is_interrupted_and_the_same_command_finishes_it(folder: Path) -> None:
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    overrides = (*LAUNCHER, "model.options.way=wait,good")
    with started(folder, *overrides) as process:
        wait_for((folder / "at_work").exists, 120)
        slurm("scancel", *[job for job in jobs_in("running") if job.endswith("_0")])
        (folder / "go_on").touch()
        output = process.communicate(timeout=280)[0]  # also without Slurm's accounting
    assert process.returncode == 1, output
    assert "1 finished, 1 interrupted" in output
    assert statuses(folder) == ["finished", "interrupted"]
    with started(folder, *overrides) as process:
        output = process.communicate(timeout=280)[0]
    assert process.returncode == 0, output
    assert "1 finished, 1 skipped" in output
    assert statuses(folder) == ["finished", "finished"]


@pytest.mark.parametrize("seconds", [2, 4, 7])
def test_a_job_cancelled_early_leaves_no_running_record(seconds: float, folder: Path) -> None:
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    overrides = (*LAUNCHER, "trainer.max_epochs=500", "seed=0,1")
    with started(folder, *overrides) as process:
        wait_for(lambda: bool(jobs_in("running")), 120)
        time.sleep(seconds)
        slurm("scancel", "--name=cnncompare")
        output = process.communicate(timeout=280)[0]
    assert process.returncode == 1, output
    assert "2 of 2 jobs did not finish" in output
    assert set(statuses(folder)) <= {"interrupted"}


def test_a_failed_run_is_a_failed_job(folder: Path) -> None:
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    with started(folder, *LAUNCHER, "model.options.way=good,raise") as process:
        output = process.communicate(timeout=280)[0]
    assert process.returncode == 1, output
    assert "1 failed, 1 finished" in output
    assert "  failed       model.options.way=raise" in output
    wait_for(lambda: not jobs_in("running"), 60)
    assert exit_codes() == {"0": "0:0", "1": "1:0"}
