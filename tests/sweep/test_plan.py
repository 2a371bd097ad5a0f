import os
import re
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


@pytest.mark.parametrize(
    ("budget", "epochs", "remark"),
    [
        ("budget.seconds=600", 109, None),  # of 5.5 s
        ("budget.seconds=60", 11, "an epoch is 9 % of the budget"),
        ("budget.seconds=5", None, "budget.seconds=5 is below one epoch, 5.5 s"),
        ("budget.macs=3.01e6", 50, None),  # of 3 * 20 * 1000
        ("budget.macs=59999", None, "below one epoch, 6e\\+04 MACs"),
    ],
)
def test_a_budget_chooses_the_epochs(budget: str, epochs: int | None, remark: str | None) -> None:
    cost = costs(compose_config("data=digits", "data.batch_size=100", budget), PROBED)
    assert cost.get("epochs") == epochs
    said = cost.get("problem") or cost.get("remark") or ""
    assert re.search(remark, said) if remark else said == ""
    expected = None if epochs is None else pytest.approx((epochs * 5.5 + 1.0) / 3600)
    assert cost["hours"] == expected


def test_measured_epochs_replace_the_estimate_from_steps() -> None:
    config = compose_config("data=digits", "budget.seconds=600")
    cost = costs(config, PROBED | {"epoch_s": 12.0})
    assert (cost["epochs"], cost["epoch_s"]) == (50, 12.0)


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
