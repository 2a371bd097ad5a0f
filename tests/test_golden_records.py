"""A small sweep, a test of pretrained weights and their report give the stored results."""

import json
import os
from pathlib import Path

import pytest

from tests.golden_records import GOLDEN, ROOT, changes, golden_records, machine

# images of 360, after two epochs of training that started from other last bits
TOLERANCE = 0.25


@pytest.mark.timeout(900)
def test_results_are_those_of_the_golden_records() -> None:
    """Equal to the last bit on the machine that stored them; elsewhere roughly."""
    golden = json.loads(GOLDEN.read_text())
    shared = Path(os.environ.get("CNNCOMPARE_TEST_DATA", ROOT.parent / "shared" / "data"))
    records = golden_records(shared if shared.exists() else None)
    tolerance = 0.0 if golden["machine"] == machine() else TOLERANCE
    for part in ("sweep", "report", "pretrained"):
        if part in records and not (part == "report" and tolerance):
            assert not list(changes(golden[part], records[part], part, tolerance))


def test_the_stored_weights_differ_between_seeds_and_networks() -> None:
    sweep = json.loads(GOLDEN.read_text())["sweep"]
    assert len(sweep) == 4
    assert len({run["last_weights_sha256"] for run in sweep.values()}) == 4


def test_a_changed_value_is_found() -> None:
    assert list(changes({"a": [1, 2]}, {"a": [1, 3]})) == [".a[1]: 2 in the golden records, 3 now"]
    assert list(changes({"a": 1}, {"b": 1})) == [
        ".a: only in the golden records",
        ".b: only in the new records",
    ]
    assert not list(
        changes(
            {"weights_sha256": "x", "n": 1.0}, {"weights_sha256": "y", "n": 1.05}, tolerance=0.1
        )
    )
    assert list(changes({"n": 1.0}, {"n": 1.2}, tolerance=0.1))
