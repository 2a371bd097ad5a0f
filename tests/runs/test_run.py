import json
import multiprocessing
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnncompare.errors import DataError, OutputError, RunError
from cnncompare.runs.lifecycle import close_on_exit
from cnncompare.runs.record import EvaluationSection, RunRecord
from cnncompare.runs.run import EPOCHS, PREDICTIONS, RECORD, Run, find_runs, read_existing
from cnncompare.runs.storage import lock, set_aside, write_atomically
from tests.comparison.factory import evaluation

# shared/reference/run-record.md, key by key, and data.ignored_files
CONTRACT = {
    "model": "name source stem pretrained params macs size_mb input_size",
    "data": "name classes n_train n_val n_test fingerprint ignored_files leaks conversions "
    "pixel_ranges",
    "best": "epoch val_acc1",
    "test": "acc1 acc5 loss n correct1 correct5",
    "timing": "epoch_s train_s val_s data_wait_s images_per_s time_to_best_s",
    "memory": "peak_rss_mib peak_gpu_mib",
    "environment": "python torch torchvision pytorch_lightning cnncompare os cpu threads gpu "
    "git_commit git_dirty argv",
}
TOP = (
    "schema id label name status error started_at finished_at wall_s config_hash model data "
    "training best test timing memory environment"
)
TRAINING = (
    "seed max_epochs epochs_done batch_size devices accelerator strategy precision optimizer lr"
)


def new_run(folder: Path) -> Run:
    folder.mkdir(parents=True, exist_ok=True)
    record = RunRecord(
        id=folder.name,
        label="vgg16",
        name="default",
        started_at="2026-01-01T00:00:00+00:00",
        config_hash="0" * 64,
    )
    return Run(folder, record)


def properties(schema: dict[str, Any], section: str) -> set[str]:
    return set(schema["$defs"][f"{section.capitalize()}Section"]["properties"])


def test_a_run_that_trained_has_no_section_for_tests_alone(tmp_path: Path) -> None:
    run = new_run(tmp_path / "run")
    run.save()
    assert set(json.loads((run.folder / RECORD).read_text())) == {
        *TOP.split(),
        "inference",
        "checksum",
    }


def test_the_keys_are_those_of_the_contract() -> None:
    schema = RunRecord.model_json_schema(by_alias=True)
    further = {"inference", "evaluation", "components", "files"}
    assert set(schema["properties"]) == {*TOP.split(), *further}
    for section, keys in CONTRACT.items():
        assert properties(schema, section) >= set(keys.split())  # extended, never renamed
    assert properties(schema, "training") >= set(TRAINING.split())


def test_a_value_that_was_not_measured_is_null(tmp_path: Path) -> None:
    new_run(tmp_path).save()
    saved = json.loads((tmp_path / RECORD).read_text())
    assert saved["schema"] == 1
    assert set(saved["test"].values()) == {None}
    assert saved["wall_s"] is None


def test_a_record_reads_back_as_it_was_written(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    run.change(test={"acc1": 0.5})
    with pytest.raises(RunError), close_on_exit(run):
        raise ValueError("first line\nsecond line")
    again = Run.read(tmp_path)
    assert again.record == run.record
    assert again.record.error is not None
    assert again.record.error.message == "first line"
    assert again.record.wall_s is not None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "not a run record"),
        ("{", "not a run record"),
        ("[]", "schema None is unknown"),
        ('{"schema": 2}', "schema 2 is unknown; this version reads 1"),
        ('{"schema": 1}', "id: field required"),
    ],
)
def test_an_invalid_record_is_reported_in_one_line(
    tmp_path: Path, content: str, message: str
) -> None:
    (tmp_path / RECORD).write_text(content)
    with pytest.raises(DataError) as caught:
        Run.read(tmp_path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert read_existing(tmp_path) is None


def test_a_failed_write_leaves_the_old_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"


def test_an_empty_cell_of_epochs_is_none(tmp_path: Path) -> None:
    (tmp_path / EPOCHS).write_text("epoch,train_s,peak_gpu_mib\n1,2.5,\n")
    assert new_run(tmp_path).epochs() == [{"epoch": 1.0, "train_s": 2.5, "peak_gpu_mib": None}]
    assert new_run(tmp_path / "empty").epochs() == []


def test_predictions_read_back_and_pickles_are_refused(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    labels, top5 = np.array([1, 0], np.int16), np.array([[1, 0], [1, 0]], np.int16)
    np.savez(tmp_path / PREDICTIONS, label=labels, top5=top5, confidence=np.ones(2, np.float32))
    assert (run.predictions().top5 == top5).all()
    np.savez(tmp_path / PREDICTIONS, label=np.array([object()]), top5=top5, confidence=labels)
    with pytest.raises(DataError, match="cannot be read"):
        run.predictions()
    (tmp_path / PREDICTIONS).write_bytes(b"PK\x03\x04 truncated")
    with pytest.raises(DataError, match="cannot be read"):
        run.predictions()


def test_runs_that_were_set_aside_are_not_found(tmp_path: Path) -> None:
    for name in ("b", "a"):
        new_run(tmp_path / "exp" / name).save()
    aside = set_aside(tmp_path / "exp" / "b")
    assert (aside / RECORD).exists()
    assert list(find_runs([tmp_path])) == [tmp_path / "exp" / "a"]


def _hold(folder: Path, held: Event, release: Event) -> None:
    with lock(folder):
        held.set()
        release.wait(30)


def test_a_folder_is_locked_by_one_process_until_it_ends(
    tmp_path: Path,
) -> None:
    context = multiprocessing.get_context("spawn")
    held, release = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(tmp_path / "run", held, release))
    other.start()
    assert held.wait(30)
    with pytest.raises(OutputError, match="is being written by another process"):
        lock(tmp_path / "run")
    other.kill()
    other.join()
    lock(tmp_path / "run").release()


def test_keys_of_earlier_versions_are_read() -> None:
    content = evaluation()
    old = {
        "damaged": content.pop("on_corrupt_image"),
        "damaged_images": content.pop("corrupt_images"),
        "departures": content.pop("preprocessing_deviations"),
        "published": content.pop("reference_result"),
    }
    section = EvaluationSection.model_validate(content | old)
    assert section.model_dump() == EvaluationSection.model_validate(evaluation()).model_dump()
