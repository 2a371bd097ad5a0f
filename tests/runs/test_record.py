"""Records of version 0.1, written by that version, in the present schema and in a report."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnncompare.cli import run as run_command
from cnncompare.errors import DataError
from cnncompare.runs.record import EvaluationSection
from cnncompare.runs.run import Run
from tests.comparison.factory import evaluation

RECORDS = Path(__file__).with_name("version_0_1")


def copied(name: str, folder: Path) -> dict[str, Any]:
    """Write an old record, and predictions with its numbers of correct ones, to a run folder."""
    content: dict[str, Any] = json.loads((RECORDS / f"{name}.json").read_text())
    folder.mkdir()
    (folder / "run.json").write_text(json.dumps(content))
    classes, test = content["data"]["classes"], content["test"]
    label = np.arange(test["n"], dtype=np.int16) % classes
    top5 = (label[:, None] + np.arange(1, 6, dtype=np.int16)) % classes  # all are wrong
    top5[: test["correct5"], 1] = label[: test["correct5"]]
    top5[: test["correct1"], :2] = top5[: test["correct1"], 1::-1]
    confidence = np.full(test["n"], 0.5, np.float32)
    np.savez(folder / "predictions.npz", label=label, top5=top5, confidence=confidence)
    return content


NEW_SETTINGS: dict[str, object] = {
    "health": [],
    "weights_prefix": None,
    "balance": False,
    "class_weights": None,
}


def test_an_old_record_of_a_training_is_unchanged_by_reading(tmp_path: Path) -> None:
    content = copied("training", tmp_path / "run")
    read = Run.read(tmp_path / "run").record.model_dump(by_alias=True)
    added = {key: read["training"].pop(key) for key in NEW_SETTINGS}
    assert added == NEW_SETTINGS
    means = ("balanced_acc1", "macro_f1")
    assert [read["test"].pop(key) for key in means] == [None, None]
    counts = ("conversions", "pixel_ranges", "ignored_files")
    assert [read["data"].pop(key) for key in counts] == [{}, {}, {}]
    counts = ("leaks", "imbalance", "resampling")
    assert [read["data"].pop(key) for key in counts] == [None, None, None]
    assert (read.pop("inference"), read["model"].pop("depth")) == (None, None)
    assert read == content


def test_the_renamed_keys_and_values_of_an_old_test_are_read(tmp_path: Path) -> None:
    old = copied("evaluation", tmp_path / "run")["evaluation"]
    section = Run.read(tmp_path / "run").record.evaluation
    assert section is not None
    assert section.check is not None
    assert (old["damaged"], section.on_corrupt_image) == ("wrong", "count_wrong")
    assert section.corrupt_images == old["damaged_images"]
    assert section.preprocessing_deviations == old["departures"]
    assert [effect.model_dump() for effect in section.check.deviation_effects] == (
        old["check"]["what_if"]
    )


def test_a_report_reads_old_records(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = {copied(name, tmp_path / name)["label"] for name in ("training", "evaluation")}
    assert run_command(["report", str(tmp_path), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["skipped"] == []
    assert {row["label"] for table in printed["tables"] for row in table["groups"]} == expected


@pytest.mark.parametrize(
    ("old", "new"), [("stop", "error"), ("wrong", "count_wrong"), ("leave_out", "skip")]
)
def test_old_values_of_on_corrupt_image_are_read(old: str, new: str) -> None:
    content = evaluation() | {"on_corrupt_image": old}
    assert EvaluationSection.model_validate(content).on_corrupt_image == new


def test_an_old_key_with_an_invalid_value_is_an_error(tmp_path: Path) -> None:
    content = copied("evaluation", tmp_path / "run")
    content["evaluation"]["damaged"] = ["wrong"]
    (tmp_path / "run" / "run.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"evaluation\.on_corrupt_image: input should be a valid"):
        Run.read(tmp_path / "run")
