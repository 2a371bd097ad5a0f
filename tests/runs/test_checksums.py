"""Checksums of records and files: damage and edits are noticed, and nothing else is."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from cnncompare.errors import DataError
from cnncompare.runs.checksums import check_file, checksums_of
from cnncompare.runs.lifecycle import close_run, start_run
from cnncompare.runs.run import Run
from tests.runs.test_run import new_run


@pytest.fixture
def finished(tmp_path: Path) -> Run:
    """Return a finished run with a table of epochs."""
    (tmp_path / "run").mkdir(exist_ok=True)
    run = new_run(tmp_path / "run")
    (run.folder / "epochs.csv").write_text("epoch,train_s\n1,2.5\n")
    close_run(run, "finished")
    return run


def edit(run: Run, **changes: Any) -> None:
    path = run.folder / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes, indent=2) + "\n")


def test_the_checksums_are_those_of_the_files(finished: Run) -> None:
    expected = hashlib.sha256(b"epoch,train_s\n1,2.5\n").hexdigest()
    assert finished.record.files == {"epochs.csv": expected}
    assert Run.read(finished.folder).epochs() == [{"epoch": 1.0, "train_s": 2.5}]


def test_an_edited_record_is_refused_until_its_checksum_is_removed(finished: Run) -> None:
    edit(finished, label="better")
    with pytest.raises(DataError, match=r"run\.json: does not match its checksum.*remove the key"):
        Run.read(finished.folder)
    content = json.loads((finished.folder / "run.json").read_text())
    content.pop("checksum")
    (finished.folder / "run.json").write_text(json.dumps(content))
    assert Run.read(finished.folder).record.label == "better"


def test_a_record_that_a_program_rewrote_is_used_without_checks(finished: Run) -> None:
    path = finished.folder / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"label": "renamed"}))
    (finished.folder / "epochs.csv").write_text("epoch,train_s\n1,1.5\n")
    run = Run.read(finished.folder)
    assert run.record.label == "renamed"
    assert run.epochs() == [{"epoch": 1.0, "train_s": 1.5}]


def test_white_space_does_not_matter(finished: Run) -> None:
    edit(finished)
    assert Run.read(finished.folder).record == finished.record


def test_a_run_without_results_may_be_edited(finished: Run) -> None:
    edit(finished, status="running")
    assert Run.read(finished.folder).record.status == "running"


def test_an_edited_file_is_refused(finished: Run) -> None:
    (finished.folder / "epochs.csv").write_text("epoch,train_s\n1,1.5\n")
    with pytest.raises(DataError, match=r"epochs\.csv: does not match its checksum in run\.json"):
        Run.read(finished.folder).epochs()


def test_a_resumed_run_has_no_checksums(finished: Run) -> None:
    start_run(finished)
    assert finished.record.files == {}
    (finished.folder / "epochs.csv").write_text("epoch,train_s\n1,1.5\n2,1.5\n")
    assert len(finished.epochs()) == 2


def test_a_large_file_is_checked_without_reading_it_at_once(tmp_path: Path) -> None:
    (tmp_path / "best.ckpt").write_bytes(b"weights" * 1000)
    expected = checksums_of(tmp_path, ["best.ckpt", "last.ckpt"])
    assert list(expected) == ["best.ckpt"]
    check_file(tmp_path / "best.ckpt", expected["best.ckpt"])
    (tmp_path / "best.ckpt").write_bytes(b"weightt" + b"weights" * 999)
    with pytest.raises(DataError, match="does not match its checksum"):
        check_file(tmp_path / "best.ckpt", expected["best.ckpt"])
    with pytest.raises(DataError, match=r"cannot be read: No such file"):
        check_file(tmp_path / "last.ckpt", "0" * 64)
