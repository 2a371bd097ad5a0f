"""Hydra's options among the overrides."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from cnncompare.config.arguments import read_arguments
from cnncompare.errors import ConfigError

Call = Callable[..., subprocess.CompletedProcess[str]]


def test_options_can_stand_anywhere_and_come_first_for_hydra() -> None:
    arguments = ["data=digits", "--config-dir", "/x y", "seed=0,1", "-m", "name=2024"]
    expected = ["--multirun", "--config-dir=/x y", "data=digits", "seed=0,1", "name='2024'"]
    assert read_arguments(arguments).for_hydra() == expected


@pytest.mark.parametrize(
    "arguments",
    [
        *(["-m", "--info"], ["-m", "--run"], ["-m", "--shell-completion", "install=bash"]),
        *(["--cfg", "job", "--info"], ["--cfg", "job", "--run"], ["--info", "--run"]),
        *(["-m", "--cfg", "all"], ["-m", "--cfg", "job", "--package", "data"], ["--resolve"]),
        *(["--shell-completion"], ["--shell-completion", "install=tcsh"], ["--nothing"]),
        *(["--cfg", "nothing"], ["--cfg"], ["--config-dir"], ["-m", "--cfg", "job", "--info"]),
        *(["-m", "--cfg", "hydra"], ["--info", "nothing"], ["--experimental-rerun", "x"]),
    ],
)
def test_combinations_that_hydra_does_not_have_are_one_line(arguments: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        read_arguments(arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "override",
    [
        *("hydra.run.dir=/tmp/x", "++hydra.run.dir=x", "hydra.sweep.dir=y", "~hydra.run.dir"),
        *("hydra.sweep.subdir=${hydra.job.num}", "hydra.output_subdir=.hydra"),
    ],
)
@pytest.mark.parametrize("mode", [(), ("-m",), ("--cfg", "job")])
def test_folders_of_hydra_are_refused_with_the_right_keys(
    override: str, mode: tuple[str, ...]
) -> None:
    with pytest.raises(ConfigError) as caught:
        read_arguments([*mode, "data=digits", override])
    message = str(caught.value)
    assert message.startswith(f"{override}: ")
    assert message.endswith("use output_root=PATH and name=NAME")
    assert "\n" not in message


def test_bash_completes_options_after_the_documented_command(tmp_path: Path) -> None:
    executable = tmp_path / "cnncompare"
    executable.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cnncompare "$@"\n')
    executable.chmod(0o755)
    script = f"""
        PATH="{tmp_path}:$PATH"
        eval "$("{sys.executable}" -c "{AS_CONSOLE_SCRIPT}" --shell-completion install=bash)"
        complete -p cnncompare >&2
        export COMP_LINE="cnncompare optimizer=s" COMP_POINT=22 COMP_CWORD=1
        hydra_bash_completion
        echo "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, cwd=tmp_path, timeout=120
    )
    assert done.stdout.strip() == "optimizer=sgd", done.stderr


AS_CONSOLE_SCRIPT = (
    "import sys; sys.argv[0] = 'cnncompare'; from cnncompare.cli import main; main()"
)


def test_a_folder_of_the_search_path_adds_options(cnncompare: Call, tmp_path: Path) -> None:
    (tmp_path / "more" / "optimizer").mkdir(parents=True)
    (tmp_path / "more" / "optimizer" / "slow.yaml").write_text("defaults: [sgd]\nmomentum: 0.5\n")
    path = f"hydra.searchpath=[file://{tmp_path}/more]"
    done = cnncompare("--cfg", "job", path, "optimizer=slow", "data=digits", "model=lenet5")
    assert done.returncode == 0, done.stderr
    optimizer = yaml.safe_load(done.stdout)["optimizer"]
    assert (optimizer["name"], optimizer["momentum"]) == ("sgd", 0.5)


def test_a_query_of_a_shell_completion_needs_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COMP_LINE", raising=False)
    with pytest.raises(ConfigError, match="COMP_LINE"):
        read_arguments(["--shell-completion", "query=bash"])


@pytest.mark.parametrize("mode", ["--multirun", "hydra.mode=MULTIRUN"])
def test_the_jobs_of_a_sweep_are_printed_with_their_configurations(
    mode: str, cnncompare: Call, tmp_path: Path
) -> None:
    done = cnncompare(mode, "--cfg", "job", "--resolve", "model=lenet5,vgg16", "data=digits")
    assert (done.returncode, done.stderr) == (0, "")
    jobs = list(yaml.safe_load_all(done.stdout))
    assert [job["model"]["name"] for job in jobs] == ["lenet5", "vgg16"]
    assert jobs[1]["optimizer"]["lr"] == jobs[1]["model"]["lr"]["sgd"]
    assert "# job 1 of 2: model=lenet5 data=digits" in done.stdout
    assert not list(tmp_path.iterdir())


def test_a_printed_configuration_is_validated(cnncompare: Call) -> None:
    done = cnncompare("--cfg", "job", "data=digits", "optimizer.lr=-1")
    assert (done.returncode, done.stdout) == (2, "")
    assert "optimizer.lr=-1: expected a number above 0" in done.stderr


@pytest.mark.parametrize("arguments", [(), ("-m", "seed=0,1")])
def test_several_options_in_a_defaults_list_are_refused(
    arguments: tuple[str, ...], cnncompare: Call, tmp_path: Path
) -> None:
    file = tmp_path / "conf" / "experiment" / "two.yaml"
    file.parent.mkdir(parents=True)
    defaults = "defaults:\n  - override /model: [vgg16, lenet5]\n  - override /data: digits\n"
    file.write_text(f"# @package _global_\n{defaults}")
    done = cnncompare("experiment=two", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "several options of model: vgg16, lenet5" in done.stderr


def test_the_overrides_of_sweep_jobs_are_quoted_too(cnncompare: Call) -> None:
    jobs = """sweep.jobs=["model=lenet5 data.root=~/x name=3"]"""
    done = cnncompare("-m", "--cfg", "job", "data=digits", jobs)
    assert done.returncode == 0, done.stderr
    (job,) = yaml.safe_load_all(done.stdout)
    assert (job["data"]["root"], job["name"]) == ("~/x", "3")


def test_the_configuration_of_a_run_has_no_options(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("seed: 0\n")
    for override in ("model=vgg16", "optimizer=sgd", "+experiment=quickstart"):
        with pytest.raises(ConfigError, match="has no options to choose"):
            read_arguments(["--config-path", str(tmp_path), override])
    read_arguments(["--config-path", str(tmp_path), "model.name=vgg16", "seed=1"])
    (tmp_path / "model").mkdir()  # the user's own configuration folder
    read_arguments(["--config-path", str(tmp_path), "model=mine"])
