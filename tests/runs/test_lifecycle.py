import json
import logging
import shutil
import zipfile
from collections import namedtuple
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from cnncompare.config.schema import Config
from cnncompare.errors import OutputError, RunError
from cnncompare.runs.lifecycle import (
    can_resume,
    checkpoint_to_resume,
    close_run,
    fail_run,
    last_checkpoint,
    open_run,
    record_progress,
    start_run,
    status_of,
)
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
            close_run(run, status)
        if checkpoint:
            last_checkpoint(run).parent.mkdir()
            for name in ("best.ckpt", "last.ckpt"):
                with zipfile.ZipFile(last_checkpoint(run).with_name(name), "w") as archive:
                    archive.writestr("data", b"weights" * 1000)
    return run


def test_a_run_whose_file_could_not_be_written_is_resumed(config: Config) -> None:
    run = leave(config, "failed", checkpoint=True)
    close_run(run, "failed", Failure(type="OSError", message="[Errno 5] of the data"))
    assert not can_resume(run)
    close_run(run, "failed", Failure(type="OutputError", message="last.ckpt cannot be written"))
    assert can_resume(run)


def test_a_folder_that_cannot_be_created_ends_with_one_line(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mkdir(self: Path, *_: Any, **__: Any) -> None:
        if self == config.run_folder():
            raise OSError(28, "No space left on device", str(self))
        original(self, *_, **__)

    original = Path.mkdir
    monkeypatch.setattr(Path, "mkdir", mkdir)
    line = r"cannot be written \(No space left on device\), \d+ MB are free there$"
    with pytest.raises(RunError, match=line):
        with open_run(config, 1.0):
            pytest.fail("opened")


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
    close_run(run, "failed", Failure(type="JobKilled", message="killed by SIGKILL"))
    with open_run(config, 1.0) as again:
        assert checkpoint_to_resume(again) == last_checkpoint(run)


def test_a_stopped_test_of_pretrained_weights_is_resumed_without_a_checkpoint(
    config: Config,
) -> None:
    before = leave(config, "interrupted")
    before.change(evaluation=EvaluationSection.model_validate(evaluation()))
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


def test_a_run_is_opened_started_makes_progress_and_is_closed(config: Config) -> None:
    with open_run(config, 1.0) as run:
        start_run(run)
        assert Run.read(run.folder).record.status == "running"
        record_progress(run, best={"epoch": 2}, test={"acc1": 0.5})
        record_progress(run, best={"val_acc1": 0.75})
        assert Run.read(run.folder).record == run.record
        assert run.record.best.model_dump() == {"epoch": 2, "val_acc1": 0.75}
        close_run(run, "finished")
    saved = Run.read(run.folder).record
    assert (saved.status, saved.test.acc1, saved.error) == ("finished", 0.5, None)
    with pytest.raises(AssertionError, match="is finished"):
        record_progress(run, test={"acc1": 1.0})
    assert Run.read(run.folder).record == saved


def test_a_restart_removes_the_earlier_reason(config: Config) -> None:
    run = leave(config, "running", checkpoint=True)
    close_run(run, "failed", Failure(type="JobKilled", message="killed by SIGKILL"))
    with open_run(config, 1.0) as again:
        start_run(again)
        assert (again.record.status, again.record.error) == ("running", None)
        assert again.record.finished_at is None


@pytest.mark.parametrize(
    "change",
    [{"statuz": "failed"}, {"status": "done"}, {"test": {"acc": 0.5}}, {"test": {"acc1": "high"}}],
)
def test_an_invalid_change_is_refused_and_not_written(
    config: Config, change: dict[str, Any]
) -> None:
    run = leave(config, "running")
    before = (run.folder / "run.json").read_bytes()
    with pytest.raises((ValidationError, KeyError)):
        run.change(**change)
    assert (run.folder / "run.json").read_bytes() == before


def test_a_record_cannot_be_changed_otherwise(config: Config) -> None:
    run = leave(config, "running")
    with pytest.raises(ValidationError, match="frozen"):
        run.record.status = "finished"  # type: ignore[misc]
    with pytest.raises(ValidationError, match="frozen"):
        run.record.test.acc1 = 1.0  # type: ignore[misc]


def test_a_run_without_a_process_is_interrupted(config: Config) -> None:
    with open_run(config, 1.0) as run:
        start_run(run)
        assert status_of(Run.read(run.folder)) == "running"
    assert run.record.status == "running"
    assert status_of(Run.read(run.folder)) == "interrupted"
    shutil.rmtree(run.folder.parent / ".locks")  # copied without its hidden folders
    assert status_of(Run.read(run.folder)) == "interrupted"
    assert not (run.folder.parent / ".locks").exists()


def test_a_finished_record_is_not_failed(config: Config) -> None:
    run = leave(config, "finished")
    fail_run(config, Failure(type="JobKilled", message="killed by SIGKILL"))
    assert Run.read(run.folder).record == run.record


def test_the_duration_does_not_follow_the_system_clock(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    class SetBack(datetime):
        """A clock that is set back by a day at each reading."""

        now_s = 1.8e9

        @classmethod
        def now(cls, tz: Any = None) -> Any:
            SetBack.now_s -= 86400
            return datetime.fromtimestamp(SetBack.now_s, tz)

    seconds = iter([1000.0, 1003.5])
    monkeypatch.setattr("cnncompare.runs.lifecycle.datetime", SetBack)
    monkeypatch.setattr("cnncompare.runs.run.time.monotonic", lambda: next(seconds))
    with open_run(config, 1.0) as run:
        run.save()
        close_run(run, "finished")
    assert Run.read(run.folder).record.wall_s == 3.5
    assert run.record.finished_at is not None
    assert run.record.finished_at < run.record.started_at  # as the clock said


def test_the_sessions_of_a_resumed_run_add_up_without_the_pauses(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cnncompare.runs.lifecycle.can_resume", lambda run: True)
    seconds = iter([10.0, 15.0, 90_000.0, 90_007.0])
    monkeypatch.setattr("cnncompare.runs.run.time.monotonic", lambda: next(seconds))
    for status, total in (("interrupted", 5.0), ("finished", 12.0)):
        with open_run(config, 1.0) as run:
            run.save()
            close_run(run, status)  # type: ignore[arg-type]
        assert Run.read(run.folder).record.wall_s == total


def test_a_killed_session_counts_with_its_epochs(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cnncompare.runs.lifecycle.can_resume", lambda run: True)
    seconds = iter([10.0, 50.0, 54.0])
    monkeypatch.setattr("cnncompare.runs.run.time.monotonic", lambda: next(seconds))
    with open_run(config, 1.0) as run:
        run.save()
        (run.folder / "epochs.csv").write_text("epoch,train_s,val_s\n1,2.0,0.5\n2,2.0,\n")
    with open_run(config, 1.0) as again:  # the first session's process was killed
        close_run(again, "finished")
    assert Run.read(run.folder).record.wall_s == 4.5 + 4.0


def test_a_job_that_was_killed_before_its_first_epoch_has_no_duration(config: Config) -> None:
    with open_run(config, 1.0) as run:
        run.save()
    fail_run(config, Failure(type="JobKilled", message="killed"))
    assert Run.read(run.folder).record.wall_s is None


@pytest.mark.parametrize("damage", ["epoch,train_s\n1,x\n", "", "\x00"])
def test_damaged_epochs_do_not_stop_the_clock(config: Config, damage: str) -> None:
    with open_run(config, 1.0) as run:
        run.save()
        (run.folder / "epochs.csv").write_text(damage)
        close_run(run, "interrupted")
    assert Run.read(run.folder).record.wall_s is not None
