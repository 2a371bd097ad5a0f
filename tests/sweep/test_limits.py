import json
import time
from pathlib import Path

import pytest

from cnncompare.config.sweep import SweepConfig
from cnncompare.sweep.limits import SweepLimits
from tests.sweep.conftest import Call


@pytest.mark.parametrize("failure", ["JobKilled", "JobTimedOut", "JobOutOfMemory"])
def test_a_job_stopped_from_outside_is_retried_as_often_as_asked(failure: str) -> None:
    sweep = SweepLimits(SweepConfig(retries=2))
    answers = [sweep.retry(1, failure, n_running=0) for _ in range(3)]
    assert answers == ["retry 1 of 2", "retry 2 of 2", None]
    assert sweep.retry(2, failure, n_running=0) == "retry 1 of 2"  # another job


@pytest.mark.parametrize("failure", ["", "ValueError", "Diverged", "JobExited"])
def test_an_error_of_the_job_itself_is_not_retried(failure: str) -> None:
    assert SweepLimits(SweepConfig(retries=2)).retry(1, failure, n_running=0) is None


def test_half_as_many_jobs_run_after_a_lack_of_memory() -> None:
    sweep = SweepLimits(SweepConfig(retries=5))
    sweep.retry(1, "JobOutOfMemory", n_running=3)  # four jobs ran
    assert [sweep.may_start(n) for n in (0, 1, 2, 3)] == [True, True, False, False]
    sweep.retry(1, "JobOutOfMemory", n_running=0)
    assert [sweep.may_start(n) for n in (0, 1)] == [True, False]


def test_the_time_limit_ends_the_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    sweep = SweepLimits(SweepConfig(max_hours=0.5))
    now += 1799
    assert sweep.over_time() is None
    now += 1
    assert sweep.over_time() == "sweep.max_hours=0.5 has passed"
    assert not sweep.may_start(0)


def test_a_killed_job_is_retried_by_the_same_command(sweep: Call, folder: Path) -> None:
    ended = sweep("model.options.way=kill_once,good", "sweep.retries=1")
    assert ended.returncode == 0, ended.stderr
    assert "killed by SIGKILL: retry 1 of 1" in ended.stdout
    assert "2 finished" in ended.stdout
    assert statuses(folder) == ["finished", "finished"]


def test_a_job_without_memory_on_its_device_is_retried(sweep: Call, folder: Path) -> None:
    ended = sweep("model.options.way=out_of_memory_once,raise", "sweep.retries=1")
    assert ended.returncode == 1
    assert "OutOfMemoryError: CUDA out of memory" in ended.stdout
    assert ended.stdout.count("retry 1 of 1") == 1  # the other job's own error is not retried
    assert statuses(folder) == ["failed", "finished"]


@pytest.mark.slow
def test_the_retries_of_a_job_are_limited(sweep: Call, folder: Path) -> None:
    ended = sweep("model.options.way=kill,raise", "sweep.retries=1")
    assert ended.returncode == 1
    assert ended.stdout.count("retry 1 of 1") == 1
    assert "2 failed" in ended.stdout


def test_the_first_failure_ends_the_sweep(sweep: Call, folder: Path) -> None:
    ended = sweep("model.options.way=good,raise,good_too", "sweep.stop_at_first_failure=true")
    assert ended.returncode == 1
    assert "1 failed, 1 finished, 1 not started" in ended.stdout
    assert "2 of 3 jobs did not finish" in ended.stderr
    assert statuses(folder) == ["failed", "finished"]


@pytest.mark.slow
def test_the_same_command_continues_after_the_time_limit(sweep: Call, folder: Path) -> None:
    overrides = ("model.options.way=slow,good", "trainer.max_epochs=3", "data.batch_size=8")
    first = sweep(*overrides, "sweep.max_hours=0.0005")
    assert first.returncode == 1
    assert "1 interrupted, 1 not started" in first.stdout
    assert sweep(*overrides).returncode == 0
    assert statuses(folder) == ["finished", "finished"]


@pytest.mark.parametrize("override", ["sweep.retries=-1", "sweep.max_hours=0"])
def test_invalid_limits_are_refused(sweep: Call, folder: Path, override: str) -> None:
    ended = sweep(override)
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert override.partition("=")[0] in ended.stderr
    assert not (folder / "outputs").exists()


def statuses(folder: Path) -> list[str]:
    paths = (folder / "outputs" / "default").glob("*/run.json")
    return sorted(json.loads(path.read_text())["status"] for path in paths)
