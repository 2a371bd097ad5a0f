"""Rows and tests of pairs on changed images, against numbers computed from the arrays."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest

from cnncompare.comparison.grouping import Group, split_into_tables
from cnncompare.comparison.load import load_results
from cnncompare.comparison.robustness import RobustnessTable, robustness_table, robustness_tables
from cnncompare.errors import DataError
from cnncompare.runs.robustness_file import CIFAR10_C, GENERATED, read_cells
from tests.comparison.factory import write_run
from tests.comparison.robust_runs import CELLS, write_cells_of, write_robust_study


def groups_in(root: Path) -> list[Group]:
    (table,), _ = split_into_tables(load_results([root])[0])
    return table.groups


def table_of(root: Path) -> RobustnessTable:
    (table,) = robustness_tables(groups_in(root))
    return table


def test_rows_are_means_over_runs_and_cells(tmp_path: Path) -> None:
    write_robust_study(tmp_path, {"a": (0.9, 0.5), "b": (0.8, 0.7)})
    table = table_of(tmp_path)
    assert [row.label for row in table.rows] == ["b", "a"]  # the best on corrupted images first
    assert (table.corruptions, table.severities) == (["gaussian_noise", "contrast"], [1, 3, 5])
    for row in table.rows:
        saved = [read_cells(r.run.folder / "robustness.npz") for r in row.group.results]
        hits = np.array([[s.cells[c].top1 == s.label for c in CELLS] for s in saved if s])
        clean = np.mean([r.record.test.acc1 or 0 for r in row.group.results])
        assert row.clean.mean == pytest.approx(clean)
        assert row.corrupted.mean == pytest.approx(hits.mean())
        assert row.drop.mean == pytest.approx(clean - hits.mean())
        assert row.mean(severity=5) == pytest.approx(hits[:, [2, 5]].mean())
        assert row.mean(corruption="contrast") == pytest.approx(hits[:, 3:].mean())
        assert row.corrupted.sd == pytest.approx(np.std(hits.mean(axis=(1, 2)), ddof=1))
        ece = np.mean([abs(h.mean() - 0.8) for s in hits for h in s])  # one bin of confidence 0.8
        assert row.ece["corrupted"] == pytest.approx(ece, abs=1e-6)


def test_single_runs_are_tested_image_by_image(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    right = {name: rng.random((6, 300)) < p for name, p in (("a", 0.6), ("b", 0.4))}
    for name, cells in right.items():
        folder = write_run(tmp_path, name, 0, rng.random(300) < 0.9)
        write_cells_of(folder, dict(zip(CELLS, cells, strict=True)))
    table = table_of(tmp_path)
    (pair,) = table.pairs["corrupted"]
    scores = right["a"].mean(axis=0) - right["b"].mean(axis=0)
    assert pair.difference == pytest.approx(scores.mean())
    half = 1.96 * scores.std() / np.sqrt(300)
    assert pair.low == pytest.approx(scores.mean() - half, abs=0.02)
    assert pair.high == pytest.approx(scores.mean() + half, abs=0.02)
    assert (pair.verdict, pair.test) == ("better", "image-permutation")
    for row in table.rows:
        share = right[row.label].mean(axis=0)
        width = 2 * 1.96 * share.std() / np.sqrt(300)
        assert row.corrupted.low is not None
        assert row.corrupted.high is not None
        assert row.corrupted.high - row.corrupted.low == pytest.approx(width, rel=0.1)


def test_pairs_on_clean_images_are_those_of_mcnemar(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    clean = {name: rng.random(200) < p for name, p in (("a", 0.9), ("b", 0.7))}
    for name, correct in clean.items():
        folder = write_run(tmp_path, name, 0, correct)
        write_cells_of(folder, {CELLS[0]: rng.random(200) < 0.5})
    (pair,) = table_of(tmp_path).pairs["clean"]
    wins = int((clean["a"] & ~clean["b"]).sum())
    losses = int((clean["b"] & ~clean["a"]).sum())
    assert pair.p == pytest.approx(binomtest(wins, wins + losses).pvalue)


def test_a_constant_drop_has_a_narrow_interval(tmp_path: Path) -> None:
    correct = np.arange(1000) % 10 != 0
    folder = write_run(tmp_path, "a", 0, correct)
    write_cells_of(folder, {CELLS[0]: correct})
    (row,) = table_of(tmp_path).rows
    assert row.drop.mean == 0
    assert row.drop.low is not None
    assert -0.01 < row.drop.low < 0 < (row.drop.high or 0) < 0.01


def test_equal_networks_are_practically_the_same_within_a_margin(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    cells = {cell: rng.random(500) < 0.6 for cell in CELLS}
    for name in ("a", "b"):
        write_cells_of(write_run(tmp_path, name, 0, np.arange(500) % 5 > 0), cells)
    (table,) = robustness_tables(groups_in(tmp_path), margin=0.02)
    assert {p.verdict for pairs in table.pairs.values() for p in pairs} == {"same"}
    assert [row.letters for row in table.rows] == ["a", "a"]


def test_other_images_than_the_test_set_have_an_unpaired_drop(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    for name, p in (("a", 0.6), ("b", 0.3)):
        folder = write_run(tmp_path, name, 0, rng.random(400) < 0.9)
        write_cells_of(folder, {("fog", 1): rng.random(400) < p}, CIFAR10_C, {"n_set": 10_000})
    (table,) = robustness_tables(groups_in(tmp_path))
    assert not table.paired
    for row in table.rows:
        expected = row.clean.mean * (1 - row.clean.mean) + row.corrupted.mean * (
            1 - row.corrupted.mean
        )
        half = 1.96 * np.sqrt(expected / 400)
        assert row.drop.mean == pytest.approx(row.clean.mean - row.corrupted.mean)
        assert row.drop.high == pytest.approx(row.drop.mean + half, abs=0.005)
    assert table.pairs["drop"][0].p is None
    assert table.pairs["corrupted"][0].significant


def test_incomplete_and_foreign_files_are_left_out_with_a_reason(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    all_cells = {cell: rng.random(100) < 0.5 for cell in CELLS}
    changes: dict[str, dict[str, object]] = {
        "whole": {},
        "some": {},
        "other_images": {"fingerprint": "0" * 64},
        "outside": {"n_set": 50},
        "none": {},
    }
    for name, about in changes.items():
        folder = write_run(tmp_path, name, 0, rng.random(100) < 0.9)
        cells = dict(list(all_cells.items())[:4]) if name == "some" else all_cells
        if name != "none":
            write_cells_of(folder, cells, about=about)
    table = table_of(tmp_path)
    assert [row.label for row in table.rows] == ["whole"]
    reasons = {Path(skip.path).name.split("-")[0]: skip.reason for skip in table.left_out}
    assert reasons == {
        "some": "evaluated on 4 of 6 cells",
        "other_images": (
            "robustness.npz is of other test images; cnncompare robustness evaluates these"
        ),
        "outside": "robustness.npz: positions of images lie outside the set",
        "none": "not evaluated: it has no robustness.npz",
    }
    chosen = robustness_table(groups_in(tmp_path), GENERATED, None, CELLS[:4])
    assert chosen is not None
    assert {row.label for row in chosen.rows} == {"whole", "some"}


def test_runs_without_results_have_no_table(tmp_path: Path) -> None:
    write_run(tmp_path, "a", 0, np.ones(50, dtype=bool))
    assert robustness_tables(groups_in(tmp_path)) == []


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x05\x06" + bytes(18)])
def test_a_corrupt_file_is_named_and_not_used(content: bytes, tmp_path: Path) -> None:
    folder = write_run(tmp_path, "a", 0, np.ones(50, dtype=bool))
    (folder / "robustness.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"robustness.npz: cannot be read"):
        read_cells(folder / "robustness.npz")
    assert robustness_tables(groups_in(tmp_path)) == []


def test_an_array_of_objects_is_not_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "robustness.npz"
    np.savez(path, label=np.array([print], dtype=object))
    with pytest.raises(DataError, match="cannot be read"):
        read_cells(path)
