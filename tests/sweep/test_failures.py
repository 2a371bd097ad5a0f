"""The record of a failed job names the cause, and the other jobs continue."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.sweep.conftest import Call


def records(folder: Path) -> dict[str, Any]:
    found = {}
    for path in sorted((folder / "outputs" / "default").glob("*/run.json")):
        record = json.loads(path.read_text())
        way = (path.parent / "config.yaml").read_text().partition("way: ")[2].split()[0]
        found[way] = record | {"log": (path.parent / "run.log").read_text()}
    return found


def test_four_of_six_jobs_fail_in_different_ways(sweep: Call, folder: Path) -> None:
    overrides = ("model.options.way=good,raise,exit,hang,kill,good_too", "sweep.timeout_s=15")
    first = sweep(*overrides)
    assert first.returncode == 1, first.stderr
    assert "4 failed, 2 finished" in first.stdout
    assert "4 of 6 jobs did not finish" in first.stderr
    found = records(folder)
    assert {way: record["status"] for way, record in found.items()} == {
        "good": "finished",
        "good_too": "finished",
        "raise": "failed",
        "exit": "failed",
        "hang": "failed",
        "kill": "failed",
    }
    assert {
        way: (r["error"]["type"], r["error"]["message"]) for way, r in found.items() if r["error"]
    } == {
        "raise": ("ValueError", "this network always fails"),
        "exit": ("JobExited", "exited with code 1 without an error message"),
        "hang": ("JobTimedOut", "exceeded sweep.timeout_s=15"),
        "kill": ("JobKilled", "killed by SIGKILL"),
    }
    for record in found.values():
        if record["error"]:
            assert record["error"]["message"] in first.stdout
            assert record["error"]["message"] in record["log"]
    assert "Traceback (most recent call last)" in found["raise"]["log"]
    assert "time.sleep(1000)" in found["hang"]["log"]  # the stack at the time limit

    (folder / "mended").touch()
    second = sweep(*overrides)
    assert second.returncode == 0, second.stderr
    assert "4 finished, 2 skipped" in second.stdout
    again = records(folder)
    for way, record in again.items():
        same = record["finished_at"] == found[way]["finished_at"]
        assert record["status"] == "finished"
        assert same == way.startswith("good"), way


def test_a_job_that_fails_before_its_run_is_opened_has_a_record(sweep: Call, folder: Path) -> None:
    ended = sweep("model.options.way=raise_early,exit_early,segfault,good")
    assert ended.returncode == 1, ended.stderr
    assert "3 failed, 1 finished" in ended.stdout
    runs = [json.loads(p.read_text()) for p in (folder / "outputs/default").glob("*/run.json")]
    errors = sorted(run["error"]["message"] for run in runs if run["error"])
    assert errors == [
        "cannot even be built",
        "exited with code 1 without an error message",
        "killed by SIGSEGV",
    ]
    logs = "".join(p.read_text() for p in (folder / "outputs/default").glob("*/run.log"))
    assert "Fatal Python error: Segmentation fault" in logs
    assert "in misbehave" in logs


def test_an_invalid_job_stops_the_sweep_before_anything_is_written(
    sweep: Call, folder: Path
) -> None:
    ended = sweep("trainer.max_epochs=1,2,-1")
    assert ended.returncode == 2
    assert "trainer.max_epochs=-1" in ended.stderr
    assert "(in the job" in ended.stderr
    assert not (folder / "outputs").exists()


def test_a_signal_to_the_whole_group_interrupts_the_sweep_and_its_job(folder: Path) -> None:
    overrides = (
        "-m",
        "model=resnet20",
        "data=digits",
        "trainer.max_epochs=200",
        "trainer.threads=1",
    )
    sweep = subprocess.Popen(
        [sys.executable, "-m", "cnncompare", *overrides],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert sweep.stdout is not None
    while "  epoch " not in sweep.stdout.readline():
        assert sweep.poll() is None
    os.killpg(sweep.pid, signal.SIGTERM)
    sweep.communicate(timeout=120)
    assert sweep.returncode == 128 + signal.SIGTERM
    (record,) = folder.glob("outputs/default/*/run.json")
    assert json.loads(record.read_text())["status"] == "interrupted"
