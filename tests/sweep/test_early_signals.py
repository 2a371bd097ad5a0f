"""A signal to a sweep's process group in its first seconds: one line, and nothing lost."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ARGUMENTS = (
    *("data=digits", "model=lenet5", "data.limit_train=100", "trainer.max_epochs=500"),
    *("trainer.accelerator=cpu", "logger=[]", "output_root=out"),
)


def stop_after(
    folder: Path, seconds: float, number: signal.Signals, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Send the signal to the group of the command after some time; return what came out."""
    process = subprocess.Popen(
        [sys.executable, "-m", "cnncompare", *ARGUMENTS, *arguments],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        time.sleep(seconds)
        os.killpg(process.pid, number)
        out, err = process.communicate(timeout=120)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    return subprocess.CompletedProcess([], process.returncode, out, err)


@pytest.mark.parametrize(
    ("seconds", "number"),
    [
        (1.0, signal.SIGINT),
        (2.5, signal.SIGTERM),
        (4.0, signal.SIGINT),
        (8.0, signal.SIGTERM),
        *(
            pytest.param(*pair, marks=pytest.mark.slow)
            for pair in (
                (1.0, signal.SIGTERM),
                (2.5, signal.SIGINT),
                (4.0, signal.SIGTERM),
                (8.0, signal.SIGINT),
            )
        ),
    ],
)
def test_a_sweep_stops_with_one_line(
    seconds: float, number: signal.Signals, tmp_path: Path
) -> None:
    done = stop_after(tmp_path, seconds, number, "-m", "seed=0,1")
    assert done.returncode == 128 + number
    assert done.stderr == f"cnncompare: stopped by {number.name}; the same command continues\n"
    records = [json.loads(file.read_text()) for file in tmp_path.glob("out/*/*/run.json")]
    assert {record["status"] for record in records} <= {"interrupted"}


@pytest.mark.parametrize(("seconds", "number"), [(1.0, signal.SIGHUP), (3.0, signal.SIGINT)])
def test_a_single_run_stops_with_one_line(
    seconds: float, number: signal.Signals, tmp_path: Path
) -> None:
    done = stop_after(tmp_path, seconds, number)
    assert done.returncode == 128 + number
    assert done.stderr == f"cnncompare: stopped by {number.name}; the same command continues\n"
