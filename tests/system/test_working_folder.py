"""A working folder that is deleted ends no run; a command that starts in one says so."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cnncompare.system.working_folder import existing_working_folder, remember_working_folder
from cnncompare.training.train import train
from tests.composing import compose_config


@pytest.fixture
def deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Remember a working folder, and delete it."""
    monkeypatch.setattr(os, "getcwd", os.getcwd)  # restored at the end
    folder = tmp_path / "deleted"
    folder.mkdir()
    monkeypatch.chdir(folder)
    remember_working_folder()
    folder.rmdir()
    return folder


def test_the_folder_is_known_after_its_deletion(deleted: Path, tmp_path: Path) -> None:
    assert os.getcwd() == str(deleted)
    assert Path("outputs").absolute() == deleted / "outputs"
    os.chdir(tmp_path)
    assert os.getcwd() == str(tmp_path)


def test_new_processes_start_in_a_folder_that_exists(deleted: Path, tmp_path: Path) -> None:
    with existing_working_folder():
        assert os.getcwd() == "/"
    os.chdir(tmp_path)
    with existing_working_folder():
        assert os.getcwd() == str(tmp_path)


def test_a_run_with_outputs_elsewhere_goes_on(deleted: Path, tmp_path: Path) -> None:
    run = train(
        compose_config(
            *("data=digits", "data.limit_train=64", "data.limit_test=20", "model=lenet5"),
            *("trainer.max_epochs=1", "trainer.accelerator=cpu", "display=minimal"),
            *("logger=[]", f"output_root={tmp_path}/outputs"),
        )
    )
    assert run.record.status == "finished"
    assert not deleted.exists()


@pytest.mark.parametrize("arguments", [("model=lenet5",), ("report", "outputs")])
def test_a_command_in_a_deleted_folder_is_one_line(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cnncompare", *arguments],
        cwd=tmp_path,
        preexec_fn=lambda: os.rmdir(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
    )
    message = "cnncompare: the working folder has been deleted; change to another one\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", message)


def test_a_later_call_in_another_folder_remembers_that_one(deleted: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    os.chdir(other)
    remember_working_folder()
    other.rmdir()
    assert os.getcwd() == str(other)
    with pytest.raises(FileNotFoundError):
        remember_working_folder()
