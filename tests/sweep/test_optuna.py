"""The sweeper of Optuna: its search space, a study that is continued, and wrong settings."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser

from cnncompare.errors import ConfigError
from cnncompare.sweep.search_space import split_overrides
from tests.sweep.conftest import Call

SWEEPER = "hydra/sweeper=optuna"
WITHOUT = "import sys; sys.modules['optuna'] = None; from cnncompare.cli import run; "


def parsed(*overrides: str) -> tuple[dict[str, object], list[str]]:
    return split_overrides(OverridesParser.create().parse_overrides(list(overrides)))


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("k=interval(0.1,1)", {"low": 0.1, "high": 1.0, "log": False, "step": None}),
        ("k=tag(log,interval(0.1,1.0))", {"low": 0.1, "high": 1.0, "log": True, "step": None}),
        ("k=int(interval(1,9))", {"low": 1, "high": 9, "log": False, "step": 1}),
        ("k=range(1,9,2)", {"low": 1, "high": 7, "log": False, "step": 2}),  # 9 is excluded
        ("k=range(0.5,2.0,0.5)", {"low": 0.5, "high": 1.5, "log": False, "step": 0.5}),
        ("k=a,b", {"choices": ("a", "b")}),
        ("k=choice(1,true)", {"choices": ("1", "True")}),
    ],
)
def test_overrides_become_distributions(override: str, expected: dict[str, object]) -> None:
    pytest.importorskip("optuna")
    distributions, shared = parsed(override, "data=digits", "name='a b'")
    assert {n: getattr(distributions["k"], n) for n in expected} == expected
    assert isinstance(getattr(distributions["k"], "low", 1), type(expected.get("low", 1)))
    assert shared == ["data=digits", "name='a b'"]


@pytest.mark.parametrize("override", ["k=interval(2,1)", "k=int(interval(2,1))", "k=range(3,3)"])
def test_an_empty_space_is_refused(override: str) -> None:
    pytest.importorskip("optuna")
    with pytest.raises(ConfigError, match="is empty"):
        parsed(override)


def test_nothing_to_search_is_refused() -> None:
    with pytest.raises(ConfigError, match="nothing to search"):
        parsed("data=digits")


def test_without_optuna_the_extra_is_named(tmp_path: Path) -> None:
    code = f"{WITHOUT}sys.exit(run(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", code, "-m", SWEEPER, "optimizer.lr=interval(0.1,1)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2
    assert done.stderr == (
        "cnncompare: hydra/sweeper=optuna needs the package optuna: "
        "pip install 'cnncompare[optuna]'\n"
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("hydra.sweeper.sampler=best", "hydra.sweeper.sampler=best: use tpe or random"),
        ("hydra.sweeper.direction=up", "hydra.sweeper.direction=up: use maximize or minimize"),
        ("hydra.sweeper.n_trials=0", "hydra.sweeper.n_trials=0: use 1 or more"),
        ("hydra.sweeper.storage=nothing", "hydra.sweeper.storage=nothing: "),
    ],
)
def test_wrong_settings_are_one_line(
    override: str, message: str, sweep: Call, folder: Path
) -> None:
    pytest.importorskip("optuna")
    done = sweep(SWEEPER, "optimizer.lr=interval(0.1,1)", override)
    assert done.returncode == 2
    assert done.stderr.startswith(f"cnncompare: {message}")
    assert done.stderr.count("\n") == 1
    assert not (folder / "outputs").exists()


@pytest.mark.slow
@pytest.mark.slow
def test_a_study_is_continued_and_a_failed_trial_does_not_end_it(sweep: Call, folder: Path) -> None:
    optuna = pytest.importorskip("optuna")
    study = ("hydra.sweeper.storage=sqlite:///study.db", "hydra.sweeper.study_name=lr")
    settings = (SWEEPER, *study, "hydra.sweeper.seed=1", "hydra.sweeper.sampler=random")
    space = "optimizer.lr=tag(log,interval(0.001,0.1))"
    first = sweep(*settings, space, "hydra.sweeper.n_trials=2", "hydra.sweeper.n_jobs=2")
    assert first.returncode == 0, first.stderr
    records = [json.loads(p.read_text()) for p in folder.glob("outputs/default/*/run.json")]
    objectives = sorted(record["best"]["val_acc1"] for record in records)
    best = yaml.safe_load((folder / "outputs/default/optimization_results.yaml").read_text())
    assert best["best_value"] == objectives[-1]
    assert 0.001 <= best["best_params"]["optimizer.lr"] <= 0.1
    second = sweep(*settings, space, "hydra.sweeper.n_trials=1", "model.options.way=raise")
    assert second.returncode == 1
    assert "1 of 1 trials did not finish" in second.stderr
    stored = optuna.load_study(study_name="lr", storage=f"sqlite:///{folder}/study.db").trials
    assert [trial.state.name for trial in stored] == ["COMPLETE", "COMPLETE", "FAIL"]
    assert sorted(trial.value for trial in stored[:2]) == objectives
