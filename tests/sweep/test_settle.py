"""The command settle: options, refused input, and races of small networks on digits."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cnncompare.errors import ConfigError, DataError
from cnncompare.sweep.settle_options import settle_arguments
from cnncompare.sweep.settle_state import load_state
from tests.sweep.conftest import OVERRIDES, report_json, run_to_end, wait_for

LEARNS = (
    *("data.limit_train=1000", "data.batch_size=16", "trainer.max_epochs=2"),
    *("optimizer=adamw", "optimizer.lr=0.01"),
)


def call(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_to_end(folder, command(*arguments))


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "cnncompare", "settle", *OVERRIDES, *arguments]


def settings(arguments: list[str]) -> str:
    return arguments[-1].removeprefix("++hydra.launcher.settle=")


def state_of(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "outputs/default/settle.json").read_text())
    return content


def test_options_are_taken_out_of_the_overrides() -> None:
    found = settle_arguments(
        ["-m", "model=a,b", "budget=1h30m", "margin=1.5", "max_seeds=8", "--json", "seed=3"]
    )
    assert found[:-1] == ["-m", "model=a,b", "seed=3"]
    assert settings(found) == "{margin:1.5,budget_s:5400,max_seeds:8,json:true}"


def test_defaults_and_m() -> None:
    found = settle_arguments(["model=a,b", "budget.seconds=3"])
    assert found[:-1] == ["-m", "model=a,b", "budget.seconds=3"]
    assert settings(found) == "{margin:0.5,budget_s:null,max_seeds:20,json:false}"


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", "90"), ("10m", "600"), ("2h", "7200"), ("1d", "86400")]
)
def test_durations(text: str, seconds: str) -> None:
    assert f"budget_s:{seconds}," in settings(settle_arguments([f"budget={text}"]))


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("margin=0", "above 0 and below 100"),
        ("margin=-1", "above 0 and below 100"),
        ("margin=100", "above 0 and below 100"),
        ("margin=nan", "above 0 and below 100"),
        ("margin=small", "above 0 and below 100"),
        ("margin=", "above 0 and below 100"),
        ("budget=90", "such as 90s, 10m or 2h"),
        ("budget=0s", "such as 90s, 10m or 2h"),
        ("budget=-2h", "such as 90s, 10m or 2h"),
        ("budget=", "such as 90s, 10m or 2h"),
        ("budget=2h later", "such as 90s, 10m or 2h"),
        ("max_seeds=1", "whole number from 2"),
        ("max_seeds=2.5", "whole number from 2"),
        ("seeds=3", "chooses the number of runs itself"),
        ("holdouts=3", "chooses the number of runs itself"),
        ("hydra/launcher=slurm", "leave out hydra/launcher"),
    ],
)
def test_an_invalid_option_is_refused(argument: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        settle_arguments(["-m", "model=a,b", argument])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("model=quicknet,resnet20", "margin=0"), "margin=0: expected points of accuracy"),
        (("model=quicknet",), "quicknet is the only one"),
        (("model=quicknet,quicknet",), "quicknet is the only one"),
        (("model=quicknet,resnet20", "seed=0,1"), "settle chooses the seeds itself"),
        (("model=quicknet,resnet20", "seeds=2"), "chooses the number of runs itself"),
        (("model=quicknet,resnet20", "force=true"), "whenever settle continues"),
        (("model=quicknet,resnet20", "trainer.max_epochs=0"), "no seeds to add"),
        (("model=quicknet,resnet20", "data.batch_size=16,32"), "data.batch_size is 16 for"),
        (("model=quicknet,resnet20", "trainer.max_epochs=1,2"), "trainer.max_epochs is 1 for"),
        (("model=quicknet,resnet20", "name=a,b"), "one race has one folder"),
        (("model=quicknet,nothing",), "nothing"),
    ],
)
def test_invalid_input_is_one_line_and_starts_nothing(
    folder: Path, arguments: tuple[str, ...], message: str
) -> None:
    before = sorted(folder.rglob("*"))
    done = call(folder, *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""
    assert sorted(folder.rglob("*")) == before


def test_a_budget_below_the_cheapest_job_is_refused_and_leaves_no_run(folder: Path) -> None:
    done = call(folder, "model=naughty", "model.options.way=good,raise", "budget=0.001s")
    assert done.returncode == 2
    assert "is below the cheapest job: model.options.way=" in done.stderr.splitlines()[-1]
    assert not (folder / "outputs").exists()


def test_a_state_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "settle.json"
    assert load_state(path) is None
    for text in ("{", "[]", '{"schema": 2}', '{"margin": 0.1, "other": 1}'):
        path.write_text(text)
        with pytest.raises(DataError, match="is no state of a race") as error:
            load_state(path)
        assert "\n" not in str(error.value)


@pytest.fixture(scope="module")
def race_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.sweep.conftest import CONF, MODULE

    path = tmp_path_factory.mktemp("race")
    (path / "conf" / "model").mkdir(parents=True)
    (path / "conf" / "model" / "naughty.yaml").write_text(CONF)
    (path / "naughty_module.py").write_text(MODULE)
    return path


RACE = (
    *("model=naughty", "model.options.way=calm,good,raise", *LEARNS),
    *("max_seeds=3", "margin=40", "data.limit_test=360"),
)


def test_a_race_ends_with_a_verdict_in_json_and_a_failing_network_is_out(
    race_folder: Path,
) -> None:
    done = call(race_folder, *RACE, "--json")
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    verdict = json.loads(line)
    assert set(verdict) == {
        *("leader", "same", "out", "undecided", "runs", "seconds", "verdict"),
    }
    labels = [f"model.options.way={way}" for way in ("calm", "good")]
    assert sorted([verdict["leader"], *verdict["same"], *verdict["undecided"]]) == labels
    ((failed,)) = verdict["out"]
    assert failed["label"] == "model.options.way=raise"
    assert "this network always fails" in failed["reason"]
    assert verdict["runs"] in (5, 6)
    assert "leads" in done.stderr
    assert "model.options.way=raise (failed: " in done.stderr
    folders = sorted(path.name for path in (race_folder / "outputs/default").glob("naughty-*"))
    assert len(folders) == verdict["runs"] + 1  # ordinary runs, and the failed one


def test_the_same_command_starts_nothing_that_is_finished_and_keeps_the_e_values(
    race_folder: Path,
) -> None:
    before = state_of(race_folder)
    runs = {p: p.stat().st_mtime_ns for p in (race_folder / "outputs").rglob("predictions.npz")}
    done = call(race_folder, *RACE)
    assert done.returncode == 0, done.stderr
    assert before["verdict"]["verdict"] in done.stdout
    after = state_of(race_folder)
    assert after["pairs"] == before["pairs"]
    assert after["runs"] == before["runs"]
    now = {p: p.stat().st_mtime_ns for p in (race_folder / "outputs").rglob("predictions.npz")}
    assert now == runs


@pytest.mark.slow
def test_a_lost_run_leaves_the_saved_intervals_in_force(race_folder: Path) -> None:
    before = state_of(race_folder)
    lost = race_folder / "outputs/default" / before["runs"][-1]["id"]
    lost.rename(race_folder / "lost")
    done = call(race_folder, *RACE)
    assert done.returncode == 0, done.stderr
    known = {(p["a"], p["b"]): p for p in before["pairs"]}
    for pair in state_of(race_folder)["pairs"]:
        earlier = known[pair["a"], pair["b"]]
        assert earlier["low"] is None or pair["low"] >= earlier["low"]
        assert pair["log_e_value"] >= earlier["log_e_value"]


def test_finished_runs_count_also_when_the_budget_is_spent(
    race_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(race_folder, tmp_path / "copy")
    (tmp_path / "copy/outputs/default/settle.json").unlink()  # as if a sweep had left the runs
    names = [text.replace("calm,good,raise", "calm,good") for text in RACE]
    done = call(tmp_path / "copy", *names, "budget=0.001s", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["runs"] >= 4  # the first two of both networks
    assert "skipped" in done.stderr


def test_a_report_uses_the_runs_of_a_race(race_folder: Path) -> None:
    (table,) = report_json(race_folder)["tables"]
    assert sum(group["n_runs"] for group in table["groups"]) == len(state_of(race_folder)["runs"])


def test_a_network_that_did_not_train_is_known_to_be_out_when_the_race_continues(
    race_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(race_folder, tmp_path / "copy")
    study = tmp_path / "copy/outputs/default"
    state = json.loads((study / "settle.json").read_text())
    first = run_of(study, "calm", 0)
    record = json.loads((first / "run.json").read_text())
    finding = {"check": "at_chance", "evidence": "no better than chance", "advice": "lower lr"}
    record["training"]["health"] = [finding]
    (first / "run.json").write_text(json.dumps(record))
    calm = record["training"]["recipe_hash"]
    state["runs"] = [run for run in state["runs"] if run["recipe_hash"] != calm]
    (study / "settle.json").write_text(json.dumps(state))
    names = [text.replace("calm,good,raise", "calm,good") for text in RACE]
    done = call(tmp_path / "copy", *names)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if "leads" in line]
    assert "out: model.options.way=calm (did not train: no better than chance)" in lines[0]
    assert "skipped" not in done.stdout


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_runs_of_another_launcher_count(folder: Path) -> None:
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    networks = ("model=naughty", "model.options.way=good,calm", *LEARNS, "data.limit_test=360")
    launcher = ("hydra/launcher=submitit_local", "seeds=2")
    swept = run_to_end(
        folder, [sys.executable, "-m", "cnncompare", *OVERRIDES, *networks, *launcher], 400
    )
    assert swept.returncode == 0, swept.stderr
    done = call(folder, *networks, "budget=1s", "--json")
    assert done.returncode == 0, done.stderr
    verdict = json.loads(done.stdout)
    assert verdict["runs"] == 4
    assert len(list((folder / "outputs/default").glob("naughty-*"))) == 4
    assert "undecided within the budget" in verdict["verdict"]


def run_of(study: Path, way: str, seed: int) -> Path:
    """Return the folder of a run, found by its configuration."""
    for folder in study.glob(f"naughty-*-s{seed}-*"):
        if f"way: {way}" in (folder / "config.yaml").read_text():
            return folder
    raise AssertionError(f"no run of {way} with seed {seed}")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_race_and_the_same_command_continues(
    number: signal.Signals, folder: Path
) -> None:
    race = (
        "model=naughty",
        "model.options.way=good,wait",
        *LEARNS,
        "max_seeds=2",
        "sweep.workers=1",
    )
    process = subprocess.Popen(
        command(*race),
        cwd=folder,
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for((folder / "at_work").exists)
    process.send_signal(number)
    (folder / "go_on").touch()
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 128 + number
    assert errors.splitlines()[-1].endswith("the same command continues")
    done = call(folder, *race, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["runs"] == 4
