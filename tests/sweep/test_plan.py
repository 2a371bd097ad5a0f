import os
import subprocess
import sys
from pathlib import Path

import pytest

from cnncompare.sweep.plan import costs
from tests.composing import compose_config
from tests.sweep.conftest import OVERRIDES, Call

PROBED = {
    "params": 10,
    "macs": 20,
    "size_mb": 3.0,
    "batch_size": 100,
    "step_s": 0.5,
    "n_train": 1000,
    "n_val": 300,
    "n_test": 600,
    "peak_rss_mib": 100.0,
    "peak_gpu_mib": None,
}


def test_costs_by_hand() -> None:
    overrides = ("data=digits", "data.batch_size=100", "trainer.max_epochs=4", "optimizer=adamw")
    cost = costs(compose_config(*overrides), PROBED)
    assert cost["epoch_s"] == pytest.approx(10 * 0.5 + 300 * 0.5 / 100 / 3)
    assert cost["hours"] == pytest.approx((4 * 5.5 + 1.0) / 3600)
    assert cost["disk_mb"] == pytest.approx(3.0 + 3 * 3.0)  # weights; weights and two moments


def test_weights_that_are_only_tested_cost_one_pass() -> None:
    overrides = ("data=digits", "data.batch_size=100", "trainer.max_epochs=0")
    cost = costs(compose_config(*overrides), PROBED)
    assert cost["epoch_s"] is None
    assert cost["hours"] == pytest.approx(6 * 0.5 / 3600)
    assert cost["disk_mb"] == 0.0


def test_without_a_measurement_there_is_no_cost() -> None:
    assert costs(compose_config("data=digits"), {"problem": "does not fit"})["hours"] is None


def test_a_plan_lists_finished_open_and_failing_jobs_and_writes_nothing(
    sweep: Call, folder: Path
) -> None:
    assert sweep("seed=0").returncode == 0
    before = sorted(folder.rglob("*"))
    ways = ("model=naughty", "model.options.way=good,raise,kill", "seed=0")
    planned = subprocess.run(
        [sys.executable, "-m", "cnncompare", "plan", *OVERRIDES, *ways],
        cwd=folder,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert planned.returncode == 0, planned.stderr
    lines = planned.stdout.splitlines()
    (good,) = [line for line in lines if line.startswith("model.options.way=good")]
    assert "already finished" in good
    assert "0.00261" in good  # millions: 4 * (9 + 1) + 10 * (4 * 8 * 8 + 1)
    assert any("ValueError: this network always fails" in line for line in lines)
    assert any("its process was killed" in line for line in lines)
    assert "2 of 3 jobs to run" in lines[-1]
    assert [path for path in sorted(folder.rglob("*")) if "__pycache__" not in path.parts] == [
        path for path in before if "__pycache__" not in path.parts
    ]
