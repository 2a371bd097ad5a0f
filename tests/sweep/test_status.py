"""``cnncompare status``: runs and jobs of a folder, those of killed processes among them."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from cnncompare.cli import run as run_command
from cnncompare.runs.storage import lock
from cnncompare.sweep import status as status_command
from cnncompare.sweep.status import run_states
from cnncompare.sweep.waiting_jobs import JobList, waiting_jobs
from tests.comparison.factory import write_run
from tests.composing import compose_config
from tests.sweep.conftest import started, wait_for

RIGHT = np.ones(20, dtype=np.bool_)


def printed_states(folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert run_command(["status", str(folder), "--json"]) == 0
    states = json.loads(capsys.readouterr().out)
    assert all(list(state) == ["id", "status", "epoch", "max_epochs"] for state in states)
    return {state["id"].partition("-")[0]: list(state.values())[1:] for state in states}


def test_every_state_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for label, status in (("done", "finished"), ("broken", "failed"), ("ctrlc", "interrupted")):
        write_run(tmp_path, label, 0, RIGHT, status=status)  # type: ignore[arg-type]
    alive = write_run(tmp_path, "alive", 0, RIGHT, status="running")
    dead = write_run(tmp_path, "dead", 0, RIGHT, status="running")
    for folder in (alive, dead):
        lines = (folder / "epochs.csv").read_text().splitlines(keepends=True)
        (folder / "epochs.csv").write_text("".join(lines[:3]))
    lock(dead).release()
    held = lock(alive)
    states = printed_states(tmp_path, capsys)
    held.release()
    assert states == {
        "alive": ["running", 2, 4],
        "ctrlc": ["interrupted", 4, 4],
        "dead": ["interrupted", 2, 4],
        "broken": ["failed", 4, 4],
        "done": ["finished", 4, 4],
    }
    assert printed_states(tmp_path, capsys)["alive"][0] == "interrupted"


def test_jobs_of_a_sweep_wait_until_they_are_finished(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configs = {
        number: compose_config(
            "data=digits", f"model={model}", f"output_root={tmp_path}", "trainer.max_epochs=3"
        )
        for number, model in enumerate(("lenet5", "resnet20"), start=1)
    }
    with JobList(configs) as jobs:
        assert printed_states(tmp_path, capsys) == {
            "lenet5": ["waiting", None, 3],
            "resnet20": ["waiting", None, 3],
        }
        jobs.update({2})
        assert set(printed_states(tmp_path, capsys)) == {"resnet20"}
        (listed,) = (tmp_path / "default" / ".locks").glob("*.json")
        content = listed.read_text()
    assert waiting_jobs(tmp_path / "default") == []
    assert not list((tmp_path / "default" / ".locks").iterdir())
    listed.write_text(content)  # as a killed sweep leaves it
    assert run_command(["status", str(tmp_path)]) == 2


def test_a_run_that_failed_earlier_waits_in_a_sweep_and_a_finished_one_does_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = compose_config("data=digits", "model=lenet5", f"output_root={tmp_path}")
    for status in ("failed", "finished"):
        template = write_run(tmp_path / status, "lenet5", 0, RIGHT, status=status)
        content = json.loads((template / "run.json").read_text())
        config.run_folder().mkdir(parents=True, exist_ok=True)
        (config.run_folder() / "run.json").write_text(json.dumps(content))
        with JobList({1: config}):
            states = {s.folder: s.status for s in run_states(tmp_path / "default")}
        assert states == {config.run_folder(): {"failed": "waiting"}.get(status, status)}


@pytest.mark.parametrize("width", [50, 80, 120])
def test_the_table_fits_the_terminal(
    tmp_path: Path, width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for label, kind in (("a_network_with_a_long_name_of_its_own", "finished"), ("b", "failed")):
        write_run(tmp_path / "study", label, 0, RIGHT, status=kind)  # type: ignore[arg-type]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        status_command, "make_console", lambda: Console(width=width, highlight=False)
    )
    assert run_command(["status", "study"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    assert lines[0] == "study"
    assert lines[-1] == "1 failed, 1 finished"
    assert any("finished" in line and line.endswith("4/4") for line in lines)
    assert any(line.startswith("b-digits") and "it broke" in line for line in lines)
    whole = "".join(line.split(" ")[0] for line in lines)
    assert "a_network_with_a_long_name_of_its_own-digits-e4-d1-s0" in whole


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch, lambda path: None])
def test_a_folder_without_runs_is_one_line_and_exit_code_2(
    tmp_path: Path, make: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "there"
    make(folder)
    assert run_command(["status", str(folder), "--json"]) == 2
    printed = capsys.readouterr()
    assert re.fullmatch(r"cnncompare: .*there.*; give a folder of runs.*\n", printed.err)
    assert printed.out == ""


def test_an_unreadable_record_is_noted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for label in ("a", "b"):
        folder = write_run(tmp_path, label, 0, RIGHT)
    (folder / "run.json").write_text("{")
    assert run_command(["status", str(tmp_path), "--json"]) == 0
    printed = capsys.readouterr()
    assert len(json.loads(printed.out)) == 1
    assert "not a run record" in printed.err


def test_it_writes_nothing_and_imports_no_torch(tmp_path: Path) -> None:
    write_run(tmp_path, "a", 0, RIGHT, status="running")
    before = sorted(tmp_path.rglob("*"))
    code = (
        "import sys; from cnncompare.cli import run\n"
        "sys.exit(run(['status', sys.argv[1], '--json']) or 'torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=60)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_sweep_is_seen_at_work_and_after_its_death(folder: Path) -> None:
    with started(folder, "model.options.way=wait,good,slow", "logger=[]") as process:
        wait_for((folder / "at_work").exists)
        states = [state.status for state in run_states(folder)]
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert [state.status for state in run_states(folder)] == ["running"]  # its own process
        (folder / "go_on").touch()
        wait_for(lambda: [state.status for state in run_states(folder)] == ["interrupted"])
    assert sorted(states) == ["running", "waiting", "waiting"]
