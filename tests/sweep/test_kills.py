"""A process that is killed at any moment and restarted produces bitwise equal results."""

import json
import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cnncompare.config.schema import Config
from cnncompare.sweep.job_status import reported_exit
from cnncompare.sweep.processes import JobProcess, start
from tests.composing import compose_config
from tests.conftest import ROOT
from tests.sweep.exact import OVERRIDES, result

EPOCHS = 8


def job_in(folder: Path) -> tuple[Path, Config]:
    config = compose_config(*OVERRIDES, f"trainer.max_epochs={EPOCHS}", f"output_root={folder}")
    content = {
        "config": config.model_dump(),
        "argv": [],
        "cwd": str(ROOT),
        "sys_path": [str(ROOT), *sys.path],
        "cores": [],
        "clocks_shared": False,
        "quiet": False,
    }
    file = folder / "job.json"
    file.write_text(json.dumps(content))
    return file, config


def begin(file: Path, config: Config) -> JobProcess:
    return start(file, config, dict(os.environ))


def exit_code_of(process: JobProcess, seconds: float = 120) -> int:
    until = time.monotonic() + seconds
    while (code := process.exit_code()) is None:
        assert time.monotonic() < until
        time.sleep(0.005)
    return code


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    file, config = job_in(tmp_path_factory.mktemp("uninterrupted"))
    exit_code_of(begin(file, config))  # the first waits for the server's imports
    (config.run_folder() / "run.json").unlink()
    started = time.monotonic()
    assert exit_code_of(begin(file, config)) == 0, reported_exit(file)
    return {"seconds": time.monotonic() - started, "result": result(config.run_folder())}


def kill_often(file: Path, config: Config, count: int, seconds: float, seed: int) -> Iterator[str]:
    """Kill the job at random moments of its life; yield the status of its record after each."""
    moments = random.Random(seed)
    for _ in range(count):
        process = begin(file, config)
        until = time.monotonic() + moments.uniform(0, 0.6 * seconds)
        while time.monotonic() < until and process.exit_code() is None:
            time.sleep(0.002)
        process.send(signal.SIGKILL)
        exit_code_of(process)
        path = config.run_folder() / "run.json"
        yield json.loads(path.read_text())["status"] if path.exists() else "nothing"


@pytest.mark.parametrize("count", [3, pytest.param(30, marks=pytest.mark.slow)])
def test_killed_at_random_moments(
    count: int, tmp_path: Path, uninterrupted: dict[str, Any]
) -> None:
    file, config = job_in(tmp_path)
    kills = 0
    for round_ in range(count):  # a finished job starts again in a new folder
        for status in kill_often(file, config, 1, uninterrupted["seconds"], seed=round_):
            kills += 1
            if status == "finished":
                assert result(config.run_folder()) == uninterrupted["result"]
                (tmp_path / str(round_)).mkdir()
                file, config = job_in(tmp_path / str(round_))
    assert exit_code_of(begin(file, config)) == 0, reported_exit(file)
    assert kills == count
    assert result(config.run_folder()) == uninterrupted["result"]


@pytest.mark.parametrize(
    "number",
    [signal.SIGINT, signal.SIGTERM, pytest.param(signal.SIGHUP, marks=pytest.mark.slow)],
)
def test_a_signal_finishes_the_batch_and_a_restart_produces_equal_results(
    number: signal.Signals, tmp_path: Path, uninterrupted: dict[str, Any]
) -> None:
    file, config = job_in(tmp_path)
    process = begin(file, config)
    epochs = config.run_folder() / "epochs.csv"
    while not (epochs.exists() and len(epochs.read_text().splitlines()) > 2):
        assert process.exit_code() is None, reported_exit(file)
        time.sleep(0.005)
    process.send(number)
    assert exit_code_of(process) == 128 + number
    record = json.loads((config.run_folder() / "run.json").read_text())
    assert record["status"] == "interrupted"
    assert record["error"] == {"type": "Interrupted", "message": f"stopped by {number.name}"}
    assert exit_code_of(begin(file, config)) == 0, reported_exit(file)
    assert result(config.run_folder()) == uninterrupted["result"]
