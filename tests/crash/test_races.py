"""Identical sweeps at once, and a sweep with retries, of which processes are killed at random."""

import subprocess
import sys

import pytest

from tests.conftest import ROOT


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.skipif(sys.platform != "linux", reason="jobs that end with their sweep need Linux")
def test_each_job_is_trained_once_whatever_is_killed() -> None:
    command = [sys.executable, "-m", "tests.crash", "races"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=2900)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.count(" 0 repeated  0 failures") == 3
