"""Comparison of tests of pretrained weights, each with the transform of its weights."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnncompare.comparison.compare import Comparison, compare_results
from cnncompare.comparison.confusion import pooled_confusion_matrix
from cnncompare.comparison.load import load_results
from cnncompare.report.caveats import caveats
from cnncompare.report.fairness_card import fairness_columns
from cnncompare.report.json import comparison_json
from tests.comparison.factory import evaluation, write_run

DEVIATION = "normalisation: mean 0.5 instead of the weights' mean 0.485"


@pytest.fixture
def comparison(tmp_path: Path) -> Comparison:
    right = np.random.default_rng(0).random(200) < 0.7
    cases: dict[str, dict[str, Any]] = {
        "resnet18": {},
        "vgg16": {
            "recipe": "b",
            "preprocessing_deviations": [DEVIATION],
            "notes": ["500 of 1,000 classes"],
        },
        "inception_v3": {"recipe": "c", "image_size": 299, "resize": 342},
    }
    for label, changes in cases.items():
        section = evaluation(**changes)
        write_run(tmp_path, label, 0, right, changes={"training": None, "evaluation": section})
    return compare_results(*load_results([tmp_path]))


def test_tests_with_different_transforms_share_a_table(comparison: Comparison) -> None:
    (table,) = comparison.tables
    assert {row.label for row in table.rows} == {"resnet18", "vgg16", "inception_v3"}
    assert len(table.pairs) == 3
    assert table.protocol["epochs"] == 0


def test_each_row_has_its_transform_and_its_check(comparison: Comparison) -> None:
    cells = {
        row.label: {
            column.key: column.text(row) for column in fairness_columns(comparison.tables[0])
        }
        for row in comparison.tables[0].rows
    }
    expected = "342 bilinear, crop 299, mean 0.485 0.456 0.406, sd 0.229 0.224 0.225"
    assert cells["inception_v3"]["transform"] == expected
    assert cells["vgg16"]["preprocessing_deviations"] == DEVIATION
    assert cells["resnet18"]["preprocessing_deviations"] == "none"
    assert cells["resnet18"]["reference_result"].startswith("published top-1 69.76 %")


def test_a_preprocessing_deviation_and_a_note_are_caveats(comparison: Comparison) -> None:
    found = caveats(comparison.tables[0])
    assert any(c.startswith("vgg16 has preprocessing deviations") and DEVIATION in c for c in found)
    assert "Test images: 500 of 1,000 classes." in found
    assert found[0].startswith("Pretrained weights: the findings hold for these trained networks")


def test_the_json_contains_the_preprocessing_deviation(comparison: Comparison) -> None:
    groups = json.loads(comparison_json(comparison))["tables"][0]["groups"]
    assert [g["fairness"]["preprocessing_deviations"] for g in groups if g["label"] == "vgg16"] == [
        [DEVIATION]
    ]


def test_an_undecoded_image_counts_as_wrong_and_is_not_in_the_confusion_matrix(
    tmp_path: Path,
) -> None:
    right = np.arange(100) >= 10
    folder = write_run(
        tmp_path,
        "a",
        0,
        right,
        changes={"training": None}
        | {
            "evaluation": json.loads(
                json.dumps(evaluation(on_corrupt_image="count_wrong", corrupt_images=["x.JPEG"]))
            )
        },
    )
    with np.load(folder / "predictions.npz") as saved:
        arrays = dict(saved)
    arrays["top5"][0] = -1
    np.savez_compressed(folder / "predictions.npz", **arrays)
    (result,), skipped = load_results([tmp_path])
    assert skipped == []
    assert result.outcome is not None
    assert not result.outcome.correct1[0]
    assert pooled_confusion_matrix([result.outcome], 10).sum() == 99
    arrays["top5"][1, 0] = -1  # -1 in the first column alone is invalid
    np.savez_compressed(folder / "predictions.npz", **arrays)
    _, skipped = load_results([tmp_path])
    assert "not all of them -1" in skipped[0].reason
