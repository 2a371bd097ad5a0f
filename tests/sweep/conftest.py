"""A user's folder with a network that fails in the way that its option selects."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

MODULE = """
import os, signal, time
from pathlib import Path
import torch
from torch import nn
from cnncompare.models.registry import register

class Net(nn.Module):
    def __init__(self, classes, channels, size, way):
        super().__init__()
        self.way = way
        self.features = nn.Sequential(nn.Conv2d(channels, 4, 3, padding=1), nn.ReLU())
        self.head = nn.Linear(4 * size * size, classes)

    def forward(self, images):
        if self.training:
            mark(self.way)
            misbehave(self.way)
        return self.head(self.features(images).flatten(1))

def mark(way):
    with open(os.environ.get("MARKS", os.devnull), "a") as file:
        file.write(f"{way} {os.getpid()} {os.environ.get('LOCAL_RANK', '-')}\\n")

def misbehave(way):
    if Path("mended").exists():
        return
    if way == "raise":
        raise ValueError("this network always fails")
    if way == "exit":
        os._exit(1)
    if way == "slow":
        time.sleep(0.05)
    if way == "hang":
        time.sleep(1000)
    if way == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if way == "kill_once" and not Path("killed").exists():
        Path("killed").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if way == "out_of_memory_once" and not Path("tried").exists():
        Path("tried").touch()
        raise torch.OutOfMemoryError("CUDA out of memory")
    if way == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    if way == "wait_late":
        misbehave.steps += 1
    if way == "wait" or way == "wait_late" and misbehave.steps == 3:
        Path("at_work").touch()
        while not Path("go_on").exists():
            time.sleep(0.02)

misbehave.steps = 0

@register("naughty", family="test", year=2026, paper="none", input_size=(1, 8, 8))
def naughty(*, classes, in_channels, image_size, stem, way="good"):
    if way == "raise_early":
        raise OSError("cannot even be built")
    if way == "exit_early" and not Path("mended").exists():
        os._exit(1)
    return Net(classes, in_channels, image_size, way)
"""

CONF = """\
name: naughty
source: own
module: naughty_module
options: {way: good}
lr: {sgd: 0.01, adamw: 1e-3}
"""

OVERRIDES = (
    "-m",
    "data=digits",
    "data.image_size=8",
    "data.limit_train=128",
    "data.limit_test=100",
    "trainer.max_epochs=1",
    "trainer.accelerator=cpu",
    "display=minimal",
    "logger=[]",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "conf" / "model").mkdir(parents=True)
    (tmp_path / "conf" / "model" / "naughty.yaml").write_text(CONF)
    (tmp_path / "naughty_module.py").write_text(MODULE)
    return tmp_path


Call = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def sweep(folder: Path) -> Call:
    """Run a sweep until it ends."""

    def call(*overrides: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(*overrides),
            cwd=folder,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=200,
        )

    return call


def command(*overrides: str) -> list[str]:
    named = any(override.startswith(("model=", "experiment=")) for override in overrides)
    model = [] if named else ["model=naughty"]
    return [sys.executable, "-m", "cnncompare", *OVERRIDES, *model, *overrides]


def run_to_end(
    folder: Path, words: Sequence[str], timeout: float = 300
) -> subprocess.CompletedProcess[str]:
    """Run a command line in the folder until it ends."""
    return subprocess.run(
        words,
        cwd=folder,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def report_json(folder: Path) -> dict[str, Any]:
    """Return what `report --json` prints on the runs of a sweep in the folder."""
    words = [sys.executable, "-m", "cnncompare", "report", "outputs/default", "--json"]
    done = run_to_end(folder, words)
    assert done.returncode == 0, done.stderr
    content: dict[str, Any] = json.loads(done.stdout)
    return content


@contextmanager
def started(folder: Path, *overrides: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Start a sweep, and kill its remaining processes at the end."""
    process = subprocess.Popen(
        command(*overrides),
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def wait_for(condition: Callable[[], bool], seconds: float = 90) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "the condition was not met in time"
        time.sleep(0.02)
