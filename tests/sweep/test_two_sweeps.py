"""Sweeps that run at the same time, are stopped, or are killed."""

import json
import os
import re
import signal
from pathlib import Path

import psutil
import pytest

from tests.sweep.conftest import Call, started, wait_for


def marks(folder: Path) -> list[str]:
    path = folder / "marks"
    return path.read_text().splitlines() if path.exists() else []


def test_two_sweeps_at_once_train_each_job_once(sweep: Call, folder: Path) -> None:
    overrides = ("model.options.way=wait,good", "logger=[]")
    environment = {"MARKS": str(folder / "marks")}
    with started(folder, *overrides, **environment) as first:
        wait_for((folder / "at_work").exists)
        with started(folder, *overrides, **environment) as second:
            lines = []
            for line in second.stdout:  # its first job is held by the other sweep
                lines.append(line)
                if "postponed" in line:
                    break
            assert lines[-1:], "the second sweep ended at once"
            (folder / "go_on").touch()
            output = "".join(lines) + second.communicate(timeout=120)[0]
            assert second.returncode == 0, output
        assert first.wait(120) == 0
    steps = [line.split()[0] for line in marks(folder)]
    assert sorted(steps) == ["good"] * 2 + ["wait"] * 2  # 128 images in batches of 64, once
    assert "is being written by another process" in output


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_the_sweep_and_the_same_command_resumes_it(
    number: signal.Signals, sweep: Call, folder: Path
) -> None:
    overrides = ("model.options.way=wait,good",)
    with started(folder, *overrides) as process:
        wait_for((folder / "at_work").exists)
        os.kill(process.pid, number)
        (folder / "go_on").touch()  # the batch at hand is finished first
        output = process.communicate(timeout=120)[0]
    assert process.returncode == 128 + number, output
    (path,) = (folder / "outputs" / "default").glob("*/run.json")
    assert json.loads(path.read_text())["status"] == "interrupted"
    again = sweep(*overrides)
    assert again.returncode == 0, again.stderr
    assert "2 finished" in again.stdout


@pytest.mark.slow
def test_jobs_do_not_outlive_a_sweep_that_is_killed(sweep: Call, folder: Path) -> None:
    overrides = ("model.options.way=wait,good",)
    with started(folder, *overrides) as process:
        wait_for((folder / "at_work").exists)
        jobs = psutil.Process(process.pid).children(recursive=True)
        assert len(jobs) >= 2  # the forkserver and the job
        os.kill(process.pid, signal.SIGKILL)
        (folder / "go_on").touch()
        process.wait()
        psutil.wait_procs(jobs, timeout=60)
        assert [job for job in jobs if job.is_running() and job.status() != "zombie"] == []
    again = sweep(*overrides)
    assert again.returncode == 0, again.stderr


@pytest.mark.slow
def test_parallel_jobs_run_on_their_own_cores(sweep: Call, folder: Path) -> None:
    cores = len(os.sched_getaffinity(0))
    if cores < 2:
        pytest.skip("needs two CPU cores")
    slow = ("model.options.way=slow", "trainer.max_epochs=40")  # the view looks once a second
    ended = sweep("seed=0,1", "sweep.workers=2", *slow)
    assert ended.returncode == 0, ended.stderr
    lines = re.findall(r"^job (\d) of 2  naughty  seed (\d)  epoch +(\d+)/40 ", ended.stdout, re.M)
    expected = [(str(k + 1), str(k), str(epoch)) for k in (0, 1) for epoch in range(1, 41)]
    assert sorted(lines, key=lambda x: (x[0], int(x[2]))) == expected  # each epoch once
    for path in (folder / "outputs" / "default").glob("*/run.json"):
        record = json.loads(path.read_text())
        assert record["training"]["clocks_shared"] is True
        assert record["environment"]["threads"] == cores // 2
    refused = sweep("seed=0,1", f"sweep.workers={cores + 1}")
    assert refused.returncode == 2
    assert f"needs {cores + 1} CPU cores, but only {cores} are available" in refused.stderr


@pytest.mark.slow
def test_a_job_does_not_affect_the_next(folder: Path, sweep: Call) -> None:
    module = folder / "naughty_module.py"
    module.write_text(
        module.read_text().replace(
            "def mark(way):",
            "def mark(way):\n"
            "    if way == 'spoil':\n"
            "        import torch, sys\n"
            "        os.environ['SPOILT'] = '1'; os.chdir('/'); sys.spoilt = True\n"
            "        torch.set_num_threads(7); list(range(30_000_000))\n"
            "        return\n"
            "    import sys, torch\n"
            "    assert 'SPOILT' not in os.environ and not hasattr(sys, 'spoilt')\n"
            "    assert torch.get_num_threads() != 7\n"
            "    assert Path('naughty_module.py').exists()\n",
        )
    )
    ended = sweep("model.options.way=spoil,good")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    peaks = {}
    for path in (folder / "outputs" / "default").glob("*/run.json"):
        way = (path.parent / "config.yaml").read_text().partition("way: ")[2].split()[0]
        peaks[way] = json.loads(path.read_text())["memory"]["peak_rss_mib"]
    assert peaks["good"] < peaks["spoil"] - 500  # 30 million integers take more than a GB
