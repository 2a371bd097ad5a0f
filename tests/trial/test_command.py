"""The command trial: its list, refused input, missing runs, and the two planted controls."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cnncompare.errors import ConfigError, RunError
from cnncompare.trial.command import PAGE, run_trials

Call = Callable[..., subprocess.CompletedProcess[str]]


def no_sweep(arguments: list[str]) -> None:
    raise AssertionError(f"nothing may run: {arguments}")


def test_the_list_has_claims_and_minutes_and_runs_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_trials(["--list"], no_sweep) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 15
    assert lines[0].split()[0] == "relu"
    assert "six times as fast" in lines[0]
    assert lines[-1].startswith("14 trials, about ")
    assert run_trials(["lrn", "--list", "--json"], no_sweep) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["name"] == "lrn"
    assert row["source"].startswith("Krizhevsky")


def test_an_unknown_name_is_refused_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no trial 'lrm'; did you mean 'lrn'"):
        run_trials(["relu", "lrm", f"output_root={tmp_path}"], no_sweep)
    with pytest.raises(ConfigError, match="optimizr"):
        run_trials(["control_worse", "optimizr.lr=1", f"output_root={tmp_path}"], no_sweep)
    assert not list(tmp_path.iterdir())


def test_missing_runs_are_told_and_end_with_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[list[str]] = []

    def failing(arguments: list[str]) -> None:
        asked.append(arguments)
        raise RunError("8 of 8 jobs did not finish")

    root = f"output_root={tmp_path}"
    assert run_trials(["control_worse", root, "trainer.threads=1"], failing) == 1
    assert "trainer.threads=1" in asked[0]
    assert asked[0][:2] == ["-m", "experiment=trial/control_worse"]
    out = capsys.readouterr().out
    assert "NOT RUN" in out
    assert "4 runs of zeroed did not finish: it did not start" in out
    assert "not run" in (tmp_path / PAGE).read_text()


def test_unknown_options_end_with_exit_code_2_in_one_line(cnncompare: Call) -> None:
    ended = cnncompare("trial", "relo")
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert "did you mean 'relu'?" in ended.stderr
    assert not ended.stdout


@pytest.mark.slow
def test_both_controls_come_out_right(cnncompare: Call, tmp_path: Path) -> None:
    ended = cnncompare(
        *("trial", "control_same", "control_worse", "--json", "display=minimal"), timeout=1500
    )
    assert ended.returncode == 0, ended.stderr
    found = {trial["name"]: trial for trial in json.loads(ended.stdout)["trials"]}
    assert found["control_same"]["text"] == "practically the same, as it must"
    assert found["control_worse"]["text"] == "worse, as it must"
    page = (tmp_path / "outputs" / PAGE).read_text()
    assert "practically the same, as it must" in page
    records = sorted((tmp_path / "outputs").glob("trial_*/*/run.json"))
    before = [record.stat().st_mtime_ns for record in records]
    again = cnncompare("trial", "control_worse", "display=minimal", timeout=300)
    assert again.returncode == 0
    assert "WORSE, AS IT MUST" in again.stdout
    assert before == [record.stat().st_mtime_ns for record in records]  # nothing is trained again


@pytest.mark.slow
def test_a_killed_trial_continues(cnncompare: Call, tmp_path: Path) -> None:
    arguments = ("trial", "control_worse", "seeds=2", "trainer.max_epochs=3", "display=minimal")
    process = subprocess.Popen(
        [sys.executable, "-m", "cnncompare", *arguments],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        start_new_session=True,
    )
    study = tmp_path / "outputs" / "trial_control_worse"
    deadline = time.monotonic() + 600
    while not (done := _finished(study)):
        assert time.monotonic() < deadline
        assert process.poll() is None, "the trial ended before it could be killed"
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    kept = {record: record.stat().st_mtime_ns for record in done}
    ended = cnncompare(*arguments, timeout=900)
    assert ended.returncode == 0, ended.stderr
    assert len(_finished(study)) == 4
    assert kept == {record: record.stat().st_mtime_ns for record in kept}


def _finished(study: Path) -> list[Path]:
    return [
        record
        for record in sorted(study.glob("*/run.json"))
        if json.loads(record.read_text())["status"] == "finished"
    ]
