"""The command tune: options, refused input, and the tuning of two small networks on digits."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from cnncompare.errors import ConfigError
from cnncompare.sweep.tune import tune_networks
from cnncompare.sweep.tune_options import TuneOptions, tune_arguments
from tests.composing import compose_config
from tests.sweep.conftest import CONF, MODULE, OVERRIDES, report_json, run_to_end, wait_for

LEARNS = (
    *("data.limit_train=600", "data.batch_size=16", "trainer.max_epochs=2"),
    *("optimizer=adamw", "optimizer.lr=0.01", "data.limit_test=200", "trainer.threads=1"),
)
TUNING = ("model=naughty", "model.options.way=good,calm", *LEARNS, "trials=2", "seeds=1")


def call(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_to_end(folder, command(*arguments))


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "cnncompare", "tune", *OVERRIDES, *arguments]


def records(folder: Path) -> list[dict[str, Any]]:
    paths = sorted((folder / "outputs/default").glob("naughty-*/run.json"))
    return [json.loads(path.read_text()) for path in paths]


def test_options_are_taken_out_of_the_overrides() -> None:
    found = tune_arguments(["model=a,b", "trials=5", "lr=0.5:2", "warmup=0:0.1", "optimizer=adam"])
    assert found[:-1] == ["-m", "model=a,b", "optimizer=adam"]
    assert found[-1] == (
        "++hydra.launcher.tune={trials:5,seeds:3,ranges:{lr:'0.5:2',warmup:'0:0.1'}}"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "tune needs the number of trials"),
        (("trials=0",), "a whole number from 1"),
        (("trials=-1",), "a whole number from 1"),
        (("trials=2.5",), "a whole number from 1"),
        (("trials=many",), "a whole number from 1"),
        (("trials=2", "trials=3"), "set the same"),
        (("trials=2", "seeds=0"), "a whole number from 1"),
        (("trials=2", "seed=3"), "as in seeds=3"),
        (("trials=2", "folds=3"), "one test split"),
        (("trials=2", "force=true"), "repeat the runs"),
        (("trials=2", "test=false"), "leave it out"),
        (("trials=2", "tuning.trial=1"), "leave it out"),
        (("trials=2", "lr=2:1"), "the lower one first"),
        (("trials=2", "hydra/launcher=slurm"), "chooses its jobs itself"),
    ],
)
def test_an_invalid_option_is_refused(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        tune_arguments(["-m", "model=a,b", *arguments])
    assert "\n" not in str(error.value)


def test_invalid_input_is_one_line_and_starts_nothing(folder: Path) -> None:
    before = sorted(folder.rglob("*"))
    done = call(folder, "model=quicknet,resnet20", "trials=2", "data.protocol=test_as_val")
    assert done.returncode == 2
    assert "choose the settings on the test set" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("name=a",), "a tuning has one folder"),
        (("trainer.max_epochs=0",), "nothing to tune"),
        (("data.batch_size=16",), "candidates must share data and training"),
        (("data.image_size=64",), "data.image_size is 32 for lenet5, but 64 for resnet20"),
    ],
)
def test_networks_that_cannot_be_tuned_together_are_refused(
    overrides: tuple[str, ...], message: str
) -> None:
    jobs = (("data=digits", "model=lenet5"), ("data=digits", "model=resnet20", *overrides))
    configs = [compose_config(*job) for job in jobs]
    composed = [OmegaConf.create(config.model_dump()) for config in configs]
    with pytest.raises(ConfigError, match=message):
        tune_networks(configs, composed, jobs, TuneOptions(trials=2, seeds=1, ranges={}))


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A tuning of two networks; its folder and output."""
    path = tmp_path_factory.mktemp("tuning")
    (path / "conf" / "model").mkdir(parents=True)
    (path / "conf" / "model" / "naughty.yaml").write_text(CONF)
    (path / "naughty_module.py").write_text(MODULE)
    done = call(path, *TUNING)
    assert done.returncode == 0, done.stderr
    return path, done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_stopped_tuning_continues_without_repeating_a_trial(
    folder: Path, number: signal.Signals
) -> None:
    for n_finished in (1, 3):  # among the trials, and again
        process = subprocess.Popen(
            command(*TUNING),
            cwd=folder,
            env=dict(os.environ),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        wait_for(lambda least=n_finished: len(finished_at(folder)) >= least)  # type: ignore[misc]
        os.killpg(process.pid, number)
        process.wait()
    finished = finished_at(folder)
    assert len(finished) < 8
    done = call(folder, *TUNING)
    assert done.returncode == 0, done.stderr
    assert finished.items() <= finished_at(folder).items()
    assert len(finished_at(folder)) == 8
    before = {path: path.stat().st_mtime_ns for path in (folder / "outputs").rglob("run.json")}
    again = call(folder, *TUNING)
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("  skipped") == 8  # a line for each job
    now = {path: path.stat().st_mtime_ns for path in (folder / "outputs").rglob("run.json")}
    assert now == before


def finished_at(folder: Path) -> dict[str, str]:
    return {r["id"]: r["finished_at"] for r in records(folder) if r["status"] == "finished"}


def test_each_network_has_the_same_trials_and_then_its_seeds(tuned: tuple[Path, str]) -> None:
    found = [record["training"] for record in records(tuned[0])]
    assert len(found) == 2 * (2 + 2 * 1)
    by_trial: dict[int, list[dict[str, Any]]] = {}
    for training in found:
        if training["tuning"]["setting"] == "trial":
            by_trial.setdefault(training["tuning"]["trial"], []).append(training)
    assert sorted(by_trial) == [1, 2]
    for trials in by_trial.values():
        first, second = trials  # both networks have the same defaults, and so the same settings
        for key in ("lr", "weight_decay", "warmup_epochs", "seed", "tuning"):
            assert first[key] == second[key]
    assert by_trial[1][0]["lr"] == 0.01
    assert by_trial[2][0]["lr"] == pytest.approx(0.01)  # the middle of 0.1 to 10
    decays = [by_trial[trial][0]["weight_decay"] for trial in (1, 2)]
    assert decays[1] == pytest.approx(decays[0] * 10 ** (2 / 3 - 1), rel=1e-3)
    assert [by_trial[trial][0]["warmup_epochs"] for trial in (1, 2)] == [0.0, 0.08]


def test_trials_are_not_tested_and_the_choice_is_the_best_on_validation(
    tuned: tuple[Path, str],
) -> None:
    folder, output = tuned
    found = records(folder)
    for record in found:
        is_trial = record["training"]["tuning"]["setting"] == "trial"
        assert (record["test"]["acc1"] is None) is is_trial
        assert record["training"]["test_reads"] == int(not is_trial)
        path = folder / "outputs/default" / record["id"] / "predictions.npz"
        assert path.exists() is not is_trial
    for way in ("good", "calm"):
        own = [r for r in found if f"model.options.way={way}" in r["environment"]["argv"]]
        trials = [r for r in own if r["training"]["tuning"]["setting"] == "trial"]
        trials.sort(key=lambda r: r["training"]["tuning"]["trial"])
        best = max(trials, key=lambda r: r["best"]["val_acc1"])
        (lr,) = {r["training"]["lr"] for r in own if r["training"]["tuning"]["setting"] == "tuned"}
        assert lr == best["training"]["lr"]
        number = best["training"]["tuning"]["trial"]
        assert f"way={way}: trial {number} of 2 is the best on validation" in output


def test_the_recorded_command_repeats_a_run(tuned: tuple[Path, str]) -> None:
    from cnncompare.api.functions import compose

    for record in records(tuned[0])[:3]:
        overrides = [a for a in record["environment"]["argv"][3:] if "=" in a]
        here = Path.cwd()
        os.chdir(tuned[0])
        try:
            assert compose(overrides).run_id() == record["id"]
        finally:
            os.chdir(here)


def test_the_report_has_both_rows_of_each_network_and_the_curve(tuned: tuple[Path, str]) -> None:
    content = report_json(tuned[0])
    assert content["skipped"] == []
    (table,) = content["tables"]
    space = "lr=0.1:10 weight_decay=0.1:10 warmup=0:0.2"
    assert table["protocol"]["tuning"] == {"trials": 2, "space": space}
    labels = sorted(re.sub(r" model\.options\.way=\w+", "", g["label"]) for g in table["groups"])
    assert labels == ["naughty default"] * 2 + ["naughty tuned (2 trials)"] * 2
    assert any("compare tuned rows with tuned rows" in text for text in table["verdict"])
    assert len(table["tuning"]) == 2
    for curve in table["tuning"]:
        assert len(curve["acc1"]) == 2
        assert curve["expected"][0]["mean"] == pytest.approx(sum(curve["acc1"]) / 2)
