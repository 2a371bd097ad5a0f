import json
import logging
import shutil
import zipfile
from collections import namedtuple
from pathlib import Path

import pytest

from cnncompare.config.schema import Config
from cnncompare.errors import OutputError
from cnncompare.runs.lifecycle import can_resume, checkpoint_to_resume, last_checkpoint, open_run
from cnncompare.runs.record import EvaluationSection, Failure, Status
from cnncompare.runs.run import Run
from cnncompare.runs.storage import ASIDE
from tests.comparison.factory import evaluation
from tests.composing import compose_config

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return compose_config("data=digits", "model=resnet20", f"output_root={tmp_path}")


def leave(config: Config, status: Status, checkpoint: bool = False) -> Run:
    """Leave a run of this status behind, its checkpoints whole archives, as torch's are."""
    with open_run(config, 1.0) as run:
        run.save()
        if status != "running":
            run.close(status)
        if checkpoint:
            last_checkpoint(run).parent.mkdir()
            for name in ("best.ckpt", "last.ckpt"):
                with zipfile.ZipFile(last_checkpoint(run).with_name(name), "w") as archive:
                    archive.writestr("data", b"weights" * 1000)
    return run


def test_a_new_run_has_its_own_folder(config: Config) -> None:
    with open_run(config, 1.0) as run:
        assert run.folder == config.run_folder()
        assert run.record.status == "running"
        assert run.record.config_hash == config.hash()


def test_a_finished_run_is_returned_unchanged(config: Config) -> None:
    before = leave(config, "finished")
    written = (before.folder / "run.json").stat().st_mtime_ns
    with open_run(config, 1.0) as run:
        assert run.record == before.record
    assert (before.folder / "run.json").stat().st_mtime_ns == written


def test_force_sets_the_finished_run_aside(config: Config) -> None:
    leave(config, "finished")
    with open_run(config.model_copy(update={"force": True}), 1.0) as run:
        assert run.record.status == "running"
        run.save()
    (aside,) = (config.run_folder().parent / ASIDE).iterdir()
    assert json.loads((aside / "run.json").read_text())["status"] == "finished"


@pytest.mark.parametrize("status", ["running", "interrupted"])
def test_a_stopped_run_is_resumed(config: Config, status: Status) -> None:
    before = leave(config, status, checkpoint=True)
    with open_run(config, 1.0) as run:
        assert can_resume(run)
        assert run.record.started_at == before.record.started_at


@pytest.mark.parametrize(("status", "checkpoint"), [("failed", True), ("interrupted", False)])
def test_a_run_that_cannot_be_resumed_is_set_aside(
    config: Config, status: Status, checkpoint: bool
) -> None:
    leave(config, status, checkpoint)
    with open_run(config, 1.0) as run:
        assert run.record.status == "running"
        assert not last_checkpoint(run).exists()
    assert len(list((config.run_folder().parent / ASIDE).iterdir())) == 1


@pytest.mark.parametrize("name", ["last.ckpt", "best.ckpt"])
@pytest.mark.parametrize("damage", ["cut", "flipped", "missing"])
def test_a_corrupt_checkpoint_is_reported_and_the_run_starts_over(
    config: Config, name: str, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    run = leave(config, "interrupted", checkpoint=True)
    path = last_checkpoint(run).with_name(name)
    content = bytearray(path.read_bytes())
    if damage == "missing":
        path.unlink()
    else:
        content[100] ^= 1
        path.write_bytes(content[:-50] if damage == "cut" else content)
    with caplog.at_level(logging.WARNING), open_run(config, 1.0) as again:
        assert checkpoint_to_resume(again) is None
    if (name, damage) != ("last.ckpt", "missing"):  # then there was nothing to resume
        assert f"{path} is corrupt or missing: the run starts over" in caplog.text


def test_a_killed_job_of_a_sweep_is_resumed(config: Config) -> None:
    run = leave(config, "running", checkpoint=True)
    run.record.error = Failure(type="JobKilled", message="killed by SIGKILL")
    run.close("failed")
    with open_run(config, 1.0) as again:
        assert checkpoint_to_resume(again) == last_checkpoint(run)


def test_a_stopped_test_of_pretrained_weights_is_resumed_without_a_checkpoint(
    config: Config,
) -> None:
    before = leave(config, "interrupted")
    before.record.evaluation = EvaluationSection.model_validate(evaluation())
    before.save()
    with open_run(config, 1.0) as run:
        assert run.record == before.record


def test_an_unreadable_record_is_set_aside_not_deleted(config: Config) -> None:
    run = leave(config, "finished")
    (run.folder / "run.json").write_text("{")
    with open_run(config, 1.0) as again:
        again.save()
    (aside,) = (config.run_folder().parent / ASIDE).iterdir()
    assert (aside / "run.json").read_text() == "{"


def test_a_disk_too_full_for_the_checkpoints_is_refused_and_nothing_written(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**12, 0, 100_000_000))
    with pytest.raises(OutputError, match="has 100 MB free, this run needs about 932"):
        with open_run(config, 100.0):
            pass
    assert not config.run_folder().exists()


def test_the_lock_is_free_again_after_an_error(config: Config) -> None:
    with pytest.raises(ZeroDivisionError), open_run(config, 1.0):
        raise ZeroDivisionError
    with open_run(config, 1.0):
        with pytest.raises(OutputError, match="is being written by another process"):
            with open_run(config, 1.0):
                pass
