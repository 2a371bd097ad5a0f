"""The cells of the heat map."""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnncompare.plotting.confusion import classes_drawn, confusion_chart, selection_note
from cnncompare.plotting.render import vega_lite


def cells(counts: NDArray[np.int64], names: list[str]) -> dict[tuple[str, str], dict[str, Any]]:
    (rows,) = vega_lite(confusion_chart(counts, names))["datasets"].values()
    return {(row["true"], row["predicted"]): row for row in rows}


def test_each_cell_has_its_count_and_its_share_of_the_true_class() -> None:
    counts = np.array([[6, 2, 0], [0, 0, 0], [0, 0, 3]])
    found = cells(counts, ["a", "b", "c"])
    assert found["a", "b"]["count"] == 2
    assert found["a", "b"]["share"] == 0.25
    assert found["a", "b"]["percent"] == "25"
    assert found["a", "c"]["percent"] == ""
    assert found["b", "b"]["share"] == 0  # a class without test images


def test_only_the_classes_with_the_most_errors_of_many_are_drawn() -> None:
    counts = np.diag(np.full(1000, 5))
    counts[7, 900] = 40
    assert len(classes_drawn(counts)) == 25
    assert {7, 900} <= set(classes_drawn(counts))
    assert "25 classes with the most errors, of 1000" in selection_note(counts)
    assert selection_note(counts[:9, :9]) == ""
    assert len(cells(counts, [f"c{i}" for i in range(1000)])) == 625


def test_classes_that_share_a_name_stay_apart() -> None:
    found = cells(np.eye(3, dtype=np.int64), ["crane", "dog", "crane"])
    assert {true for true, _ in found} == {"crane [0]", "dog", "crane [2]"}


def test_the_colour_scale_ends_at_the_most_frequent_error() -> None:
    drawn = vega_lite(confusion_chart(np.array([[90, 10], [4, 96]]), ["a", "b"]))
    heat = drawn["layer"][0]["encoding"]["color"]
    assert heat["scale"]["domain"] == [0, 0.1]
    assert "true === datum.predicted" in json.dumps(heat["condition"])  # errors alone have a scale
    perfect = vega_lite(confusion_chart(np.eye(2, dtype=np.int64), ["a", "b"]))
    assert perfect["layer"][0]["encoding"]["color"]["scale"]["domain"] == [0, 1.0]
