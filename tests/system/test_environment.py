import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import torch

import cnncompare
from cnncompare.system import environment
from cnncompare.system.environment import describe_environment


def test_versions_and_threads_are_those_of_this_process() -> None:
    described = describe_environment(["python", "-m", "cnncompare", "seed=1"])
    assert described["python"] == platform.python_version()
    assert described["torch"] == torch.__version__
    assert described["pytorch_lightning"] == version("pytorch-lightning")
    assert described["threads"] == torch.get_num_threads()
    assert described["argv"] == ["python", "-m", "cnncompare", "seed=1"]
    assert described["cpu"]
    assert describe_environment()["argv"] == sys.argv


def test_the_commit_is_that_of_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "src" / "cnncompare" / "__init__.py"
    source.parent.mkdir(parents=True)
    source.write_text("")

    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        done = subprocess.run(
            ["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    monkeypatch.setattr(cnncompare, "__file__", str(source))
    assert environment.describe_environment()["git_commit"] is None
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    clean = describe_environment()
    assert (clean["git_commit"], clean["git_dirty"]) == (git("rev-parse", "HEAD"), False)
    source.write_text("changed")
    assert describe_environment()["git_dirty"] is True


def test_without_git_the_commit_is_null(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    described = describe_environment()
    assert (described["git_commit"], described["git_dirty"]) == (None, None)
