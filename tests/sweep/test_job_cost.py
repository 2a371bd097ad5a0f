"""Overhead of a job in a forked process and in a new interpreter."""

import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import pytest

from cnncompare.sweep.processes import start
from cnncompare.training.train import train
from tests.composing import compose_config
from tests.sweep.exact import OVERRIDES
from tests.sweep.test_kills import begin, exit_code_of, job_in

JOBS = 5


def seconds_of(action: object, count: int = JOBS) -> float:
    """Return the median over `count` calls, each on a run of its own."""
    times = []
    for number in range(count):
        started = time.monotonic()
        action(number)
        times.append(time.monotonic() - started)
    return median(times)


@pytest.mark.slow
def test_a_job_costs_less_than_a_second_beyond_its_training(tmp_path: Path) -> None:
    jobs = []
    for number in range(2 * JOBS + 1):
        (tmp_path / str(number)).mkdir()
        jobs.append(job_in(tmp_path / str(number)))

    def here(number: int) -> None:
        root = f"output_root={tmp_path}/here{number}"
        train(compose_config(*OVERRIDES, "trainer.max_epochs=8", root))

    def forked(number: int) -> None:
        assert exit_code_of(begin(*jobs[number])) == 0

    def fresh(number: int) -> None:
        command = [sys.executable, "-m", "cnncompare.sweep.worker", str(jobs[JOBS + number][0])]
        subprocess.run(command, check=True, env=dict(os.environ), capture_output=True)

    exit_code_of(start(*jobs[-1], dict(os.environ)))  # the server imports torch once
    here(-1)
    training = seconds_of(here)
    costs = {"forked": seconds_of(forked) - training, "fresh": seconds_of(fresh) - training}
    print(f"training {training:.2f} s; beyond it:", {k: f"{v:.2f} s" for k, v in costs.items()})
    assert costs["forked"] <= 1.0
    assert costs["forked"] < costs["fresh"]
