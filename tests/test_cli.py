import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

from cnncompare.cli import SUBCOMMANDS

Call = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["model=resnt20"], "unknown model 'resnt20'; did you mean 'resnet20'"),
        (["data=cifar11"], "unknown data 'cifar11'; did you mean 'cifar10'"),
        (["modle=vgg16"], "unknown key modle; did you mean 'model'?"),
        (["+modle=vgg16"], "unknown key modle; did you mean 'model'?"),
        (
            ["trainer.max_epoch=3"],
            "unknown key trainer.max_epoch; did you mean 'trainer.max_epochs'?",
        ),
        (["+optimizer.x.y=3"], "unknown key optimizer.x"),
        (["model.options.x=3"], "add it with a plus: +model.options.x=VALUE"),
        (["trainer.max_epochs=x"], "trainer.max_epochs='x': expected a whole number of"),
        (["data.batch_size={"], "no viable alternative at input '{'"),
        (["trainer.devices=1024", "data.batch_size=1024"], "trainer.devices=1024: there"),
        (["data.batch_size=63", "trainer.devices=2"], "data.batch_size=63 is not divisible"),
        (["model=torchvision", "model.name=resnet81"], "resnet18"),
        (["model=timm", "model.name=resnetv3_50"], "resnetv2_50"),
        (["epochs=3"], "did you mean 'trainer.max_epochs'?"),
        (["+gpus=1"], "did you mean 'trainer.devices'?"),
        (["model=VGG16"], "unknown model 'VGG16'; did you mean 'vgg16'?"),
        (["data=CIFAR10"], "unknown data 'CIFAR10'; did you mean 'cifar10'?"),
        (["--model", "vgg16", "--epochs", "10"], "cnncompare model=vgg16 trainer.max_epochs=10"),
        (["train", "model=lenet5"], "overrides alone start a run"),
        (["resnet18"], "to train this network: model=resnet18"),
        (["help", "modls"], "unknown command 'modls'; did you mean 'models'?"),
        (["quickstart", "--cfg", "job"], "quickstart takes overrides (key=value), not the option"),
        (["trainr"], "unknown command 'trainr'"),
        (["reprot", "outputs"], "unknown command 'reprot'; did you mean 'report'"),
        (["-m", "model=lenet5,resnt20"], "unknown model 'resnt20'"),
        (
            ["-m", "model=lenet5", "optimizer.lr=0.1,-1"],
            "optimizer.lr=-1: expected a number above 0",
        ),
        (["-m", "seed=0,1", "+modle=x"], "unknown key modle"),
        (["output_root=/proc/nothing"], "choose another folder with output_root=PATH"),
        (["output_root=taken"], "taken is a file, not a folder"),
        (["--experimental-rerun", "job.pickle"], "not supported"),
        (["--config-path", "/nowhere"], "/nowhere"),
    ],
)
def test_a_users_mistake_is_one_line_exit_2_and_nothing_written(
    cnncompare: Call, tmp_path: Path, arguments: list[str], message: str
) -> None:
    (tmp_path / "taken").touch()
    done = cnncompare(*arguments)
    lines = done.stderr.strip().splitlines()
    assert (done.returncode, len(lines)) == (2, 1), done.stderr
    assert lines[0].startswith("cnncompare: ")
    assert message in lines[0]
    assert done.stdout == ""
    assert os.listdir(tmp_path) == ["taken"]


def test_a_configuration_error_and_help_answer_before_torch_could_be_imported(
    cnncompare: Call,
) -> None:
    for arguments in (["+modle=vgg16"], ["--help"]):
        started = time.perf_counter()
        done = cnncompare(*arguments, PYTHONPROFILEIMPORTTIME="1")
        assert time.perf_counter() - started < 30  # about 1 s; bench measures, tests only bound
        assert not any(
            line.rpartition("|")[2].strip() in ("torch", "torchvision", "pytorch_lightning")
            for line in done.stderr.splitlines()
        )


def test_help_names_the_config_groups_and_their_options(cnncompare: Call) -> None:
    done = cnncompare("--help")
    assert done.returncode == 0
    for text in ("model:", "lenet5", "data:", "digits", "optimizer:", "adamw"):
        assert text in done.stdout


@pytest.mark.parametrize("arguments", [[], ["help"]])
def test_the_overview_names_every_command_and_writes_nothing(
    cnncompare: Call, tmp_path: Path, arguments: list[str]
) -> None:
    done = cnncompare(*arguments)
    assert (done.returncode, done.stderr, os.listdir(tmp_path)) == (0, "", [])
    named = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")]
    assert set(SUBCOMMANDS) <= set(named)
    assert max(map(len, done.stdout.splitlines())) <= 90
    assert cnncompare("--help").stdout.startswith(done.stdout)


@pytest.mark.parametrize("command", list(SUBCOMMANDS))
def test_every_command_describes_itself(cnncompare: Call, command: str) -> None:
    done = cnncompare(command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == cnncompare("help", command).stdout
    assert done.stdout.startswith("usage: ")


def test_the_versions_are_those_of_the_installed_packages(cnncompare: Call) -> None:
    lines = cnncompare("--version").stdout.splitlines()
    assert lines[0] == f"cnncompare {metadata.version('cnncompare')}"
    for package in ("torch", "pytorch-lightning", "hydra-core"):
        assert f"{package} {metadata.version(package)}" in lines


def test_showing_a_configuration_trains_nothing(cnncompare: Call, tmp_path: Path) -> None:
    done = cnncompare("--cfg", "job", "model=lenet5")
    assert done.returncode == 0
    assert "name: lenet5" in done.stdout
    assert os.listdir(tmp_path) == []


def test_the_console_script_is_the_same_program(tmp_path: Path) -> None:
    script = Path(sys.executable).with_name("cnncompare")
    done = subprocess.run(
        [script, "+modle=vgg16"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "did you mean 'model'?" in done.stderr


def test_the_flag_of_a_sweep_may_stand_anywhere(cnncompare: Call) -> None:
    arguments = ("data=digits", "-m", "seed=0,1", "trainer.max_epochs=-1")
    ended = cnncompare(*arguments)
    assert ended.returncode == 2
    assert "trainer.max_epochs=-1" in ended.stderr
    assert (
        ended.stderr
        == cnncompare("-m", *(argument for argument in arguments if argument != "-m")).stderr
    )
