"""A sample of the crash points: a run that dies, or cannot write, while it replaces a file.

`make crash-test` tries every call; here the functions of `os` are replaced in this process.
"""

import contextlib
import errno
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cnncompare.config.schema import Config
from cnncompare.errors import RunError
from cnncompare.runs.run import Run
from cnncompare.training.callbacks.epoch_recorder import EpochRecorder
from cnncompare.training.train import train
from tests.composing import compose_config
from tests.crash.records import finished_epochs, refused, run_result
from tests.crash.settings import TRAINING
from tests.killed import Killed

pytestmark = pytest.mark.usefixtures("torch_as_before")


@pytest.fixture(scope="module")
def config() -> Config:
    return compose_config(*TRAINING, "logger=[]", "output_root=outputs")


@pytest.fixture(scope="module")
def uninterrupted(config: Config, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    with contextlib.chdir(tmp_path_factory.mktemp("uninterrupted")):
        return run_result(train(config).folder)


@pytest.fixture(autouse=True)
def _in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def breaking(name: str, count: int, error: Callable[[], BaseException]) -> Callable[..., None]:
    """Return a function for os.replace that raises when a file of this name is replaced again."""
    original, calls = os.replace, 0

    def replace(source: Any, target: Any, **options: Any) -> None:
        nonlocal calls
        calls += Path(target).name == name
        if calls >= count:  # a dead process replaces no other file either
            raise error()
        original(source, target, **options)

    return replace


def trained_epochs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    trained, original = [], EpochRecorder.on_train_epoch_start

    def on_train_epoch_start(self: Any, trainer: Any, pl_module: Any) -> None:
        trained.append(f"{Path(trainer.default_root_dir).name}:{trainer.current_epoch + 1}")
        original(self, trainer, pl_module)

    monkeypatch.setattr(EpochRecorder, "on_train_epoch_start", on_train_epoch_start)
    return trained


@pytest.mark.parametrize(("name", "count"), [("epochs.csv", 1), ("last.ckpt", 2)])
def test_a_run_that_is_killed_repeats_no_finished_epoch(
    name: str,
    count: int,
    config: Config,
    tmp_path: Path,
    uninterrupted: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", breaking(name, count, Killed))
        with pytest.raises(Killed):
            train(config)
    finished = finished_epochs(tmp_path)
    assert len(finished) == 1
    assert refused(tmp_path) == []
    trained = trained_epochs(monkeypatch)
    assert run_result(train(config).folder) == uninterrupted
    assert not finished.intersection(trained)


@pytest.mark.parametrize(("name", "count"), [("last.ckpt", 2), ("predictions.npz", 1)])
def test_a_run_on_a_full_disk_says_what_it_cannot_write_and_continues_later(
    name: str,
    count: int,
    config: Config,
    tmp_path: Path,
    uninterrupted: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    full = breaking(name, count, lambda: OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(RunError) as caught:
            train(config)
    line = rf".*{name} cannot be written \(No space left on device\), \d+ MB are free there; "
    assert re.fullmatch(line + "the same command continues the run", str(caught.value))
    assert Run.read(config.run_folder()).record.status == "running"  # nothing could be written
    finished, trained = finished_epochs(tmp_path), trained_epochs(monkeypatch)
    assert run_result(train(config).folder) == uninterrupted
    assert not finished.intersection(trained)
