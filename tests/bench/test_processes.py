import os
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

from cnncompare.bench.processes import (
    BenchWorker,
    baseline_environment,
    peak_pss_mib,
    start_workers,
    time_command,
)
from cnncompare.errors import RunError

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def test_the_seconds_of_a_command(tmp_path: Path) -> None:
    sleeps = python("import time, os; time.sleep(0.3); os._exit(77)")
    assert 0.3 <= time_command(sleeps, 77, ENVIRONMENT, tmp_path) < 5
    with pytest.raises(RunError, match="exit code 77, not 0"):
        time_command(sleeps, 0, ENVIRONMENT, tmp_path)
    with pytest.raises(RunError, match="exit code 1, not 0: ValueError: why"):
        time_command(python("raise ValueError('why')"), 0, ENVIRONMENT, tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="proportional set sizes exist on Linux only")
def test_shared_pages_count_once(tmp_path: Path) -> None:
    lone = "import time; x = bytearray(b'1') * (200 << 20); time.sleep(0.5)"
    forked = "import os, time; x = bytearray(b'1') * (200 << 20); os.fork(); time.sleep(0.5)"
    # each holds its own until the other has filled its own as well, however busy the machine is
    touched = (
        "import os, time; r, w = os.pipe(); s, v = os.pipe(); child = os.fork() == 0; "
        "x = bytearray(b'1') * (200 << 20); os.write(v if child else w, b'1'); "
        "os.read(r if child else s, 1); time.sleep(0.5)"
    )
    one, shared, two = (
        peak_pss_mib(python(code), ENVIRONMENT, tmp_path) for code in (lone, forked, touched)
    )
    assert 200 < one < 240
    assert one - 5 < shared < 1.5 * one  # not twice
    assert two > 400
    with pytest.raises(RunError, match="exit code 3"):
        peak_pss_mib(python("raise SystemExit(3)"), ENVIRONMENT, tmp_path)


def test_the_baseline_script_gets_none_of_our_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOMP_SPINCOUNT", "10000")  # as the command sets it
    assert "GOMP_SPINCOUNT" not in baseline_environment()
    monkeypatch.setenv("GOMP_SPINCOUNT", "1")  # as a user does
    assert baseline_environment()["GOMP_SPINCOUNT"] == "1"


@pytest.fixture
def images(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for split, n in (("train", 40), ("val", 12)):
        np.save(tmp_path / f"{split}.npy", rng.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8))
        np.save(tmp_path / f"{split}_labels.npy", np.arange(n) % 10)
    return tmp_path


def task(folder: Path) -> dict[str, object]:
    return {"role": "baseline", "folder": str(folder), "model": "lenet5", "classes": 10,
            "batch_size": 16, "n_train": 32, "n_val": 10, "lr": 0.01}  # fmt: skip


def test_a_worker_replies_and_leaves_no_process_behind(images: Path) -> None:
    with start_workers({"baseline": task(images)}, {"baseline": ENVIRONMENT}) as workers:
        worker = workers["baseline"]
        pid = worker._process.pid
        assert worker.request("warm")["seconds"] > 0
        assert worker.request("epoch")["images"] == 42
        assert worker.request("pipeline")["images"] == 32
    assert not psutil.pid_exists(pid)


def test_a_failed_worker_reports_the_reason_in_one_line(tmp_path: Path) -> None:
    worker = BenchWorker(task(tmp_path), ENVIRONMENT)
    try:
        with pytest.raises(RunError, match=r"FileNotFoundError: .*train\.npy") as error:
            worker.request("epoch")
        assert "\n" not in str(error.value)
        with pytest.raises(RunError, match="the process ended"):
            worker.request("epoch")
    finally:
        worker.close()


def test_a_worker_that_is_killed_or_silent_does_not_hang_the_bench(images: Path) -> None:
    worker = BenchWorker(task(images), ENVIRONMENT)
    try:
        with pytest.raises(RunError, match="no reply within 0 s"):
            worker.request("epoch", timeout_s=0.01)
        psutil.Process(worker._process.pid).kill()
        with pytest.raises(RunError, match="the process ended: exit code -9"):
            worker.request("epoch")
    finally:
        worker.close()
