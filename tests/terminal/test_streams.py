"""A closed or full standard output does not end a run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

RUN = (
    *("data=digits", "model=lenet5", "data.limit_train=100", "data.limit_test=50"),
    *("trainer.max_epochs=1", "trainer.accelerator=cpu", "logger=[]", "output_root=out"),
    *("display.confusion_matrix=false", "display.worst_mistakes=0"),
)
needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")


def shell(folder: Path, redirection: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``python -m cnncompare`` with a redirection; its exit code is the last line of `rc`."""
    command = f'{{ "$@"; echo $? > rc; }} {redirection}'
    program = [sys.executable, "-m", "cnncompare", *arguments]
    return subprocess.run(
        ["sh", "-c", command, "sh", *program],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
        timeout=240,
    )


def exit_code(folder: Path) -> int:
    return int((folder / "rc").read_text())


@pytest.mark.parametrize(
    "redirection",
    [
        *("| head -n 1 >/dev/null", ">&- 2>&- <&-"),
        *(pytest.param(end, marks=pytest.mark.slow) for end in (">&-", "2>&1 | true")),
        pytest.param(">/dev/full 2>&1", marks=needs_full),
    ],
)
def test_a_training_goes_on_without_its_output(redirection: str, tmp_path: Path) -> None:
    done = shell(tmp_path, redirection, *RUN)
    assert exit_code(tmp_path) == 0
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr
    (file,) = tmp_path.glob("out/*/*/run.json")
    assert json.loads(file.read_text())["status"] == "finished"
    assert "epoch 1/1  train" in file.with_name("run.log").read_text()


def test_a_sweep_goes_on_without_its_output(tmp_path: Path) -> None:
    done = shell(tmp_path, "| true", "-m", *RUN, "seed=0,1")
    assert exit_code(tmp_path) == 0
    assert "Traceback" not in done.stderr
    records = [json.loads(file.read_text()) for file in tmp_path.glob("out/*/*/run.json")]
    assert [record["status"] for record in records] == ["finished", "finished"]


@pytest.mark.parametrize("redirection", ["| true", ">&-"])
@pytest.mark.parametrize("arguments", [("models",), ("--help",), ("--cfg", "job", "data=digits")])
def test_printing_commands_end_quietly(
    arguments: tuple[str, ...], redirection: str, tmp_path: Path
) -> None:
    done = shell(tmp_path, redirection, *arguments)
    assert (exit_code(tmp_path), done.stderr) == (0, "")


@needs_full
@pytest.mark.parametrize("arguments", [("models", "--json"), ("--help",), ("plan", "--help")])
def test_lost_output_of_a_printing_command_is_one_line(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    done = shell(tmp_path, ">/dev/full", *arguments)
    assert exit_code(tmp_path) == 2
    message = "cnncompare: cannot write to standard output: No space left on device\n"
    assert done.stderr == message
