"""Flipped bytes in the files of runs: each is named or changes nothing, and none is a crash."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnncompare.comparison.compare import Options, compare_results
from cnncompare.comparison.load import load_results
from cnncompare.report.json import comparison_json
from cnncompare.runs.run import Run
from tests.comparison.factory import simulate, write_run

FILES = ("run.json", "epochs.csv", "predictions.npz", "config.yaml", "classes.json")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of two networks with one run each, closed with checksums."""
    root = tmp_path_factory.mktemp("study")
    correct = simulate(np.random.default_rng(0), {"vgg16": 0.9, "lenet5": 0.8}, 1, 200)
    for label, rows in correct.items():
        folder = write_run(root, label, 0, rows[0])
        (folder / "classes.json").write_text(json.dumps([f"class {i}" for i in range(10)]))
        run = Run.read(folder)
        run.change(files=run.closing_checksums())
        assert set(run.record.files) == set(FILES) - {"run.json"}
    return root


def reported(root: Path) -> tuple[dict[str, Any], set[str]]:
    """Return what `report --json` prints, and the paths that it names as not used."""
    results, skipped = load_results([root])
    for result in results:
        assert result.epochs is not None
    text = comparison_json(compare_results(results, skipped, Options()))
    content = json.loads(text.replace(str(root), "ROOT"))
    return content, {entry["path"] for entry in content["skipped"]}


def flip(study: Path, folder: Path, name: str, draws: np.random.Generator) -> str:
    """Copy the study, flip a byte of a file of the first run, and return the file's path."""
    shutil.copytree(study, folder)
    path = sorted(folder.glob(f"*/{name}"))[0]
    content = bytearray(path.read_bytes())
    content[draws.integers(len(content))] ^= int(draws.integers(1, 256))
    path.write_bytes(content)
    return path.relative_to(folder).as_posix()


def check_flips(study: Path, tmp_path: Path, name: str, n: int) -> None:
    expected, none = reported(study)
    assert none == set()
    draws = np.random.default_rng(FILES.index(name))
    n_named = 0
    for number in range(n):
        folder = tmp_path / str(number)
        file = flip(study, folder, name, draws)
        content, named = reported(folder)
        run = file.rpartition("/")[0]
        if f"ROOT/{file}" in named or f"ROOT/{run}" in named:
            n_named += 1
        else:
            assert content == expected, f"{name}, flip {number}"
        shutil.rmtree(folder)
    assert n_named > 0.8 * n  # white space in run.json is all that may be flipped unnoticed


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_byte_is_named_or_changes_nothing(study: Path, tmp_path: Path, name: str) -> None:
    check_flips(study, tmp_path, name, 15)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", FILES)
def test_many_flipped_bytes_are_named_or_change_nothing(
    study: Path, tmp_path: Path, name: str
) -> None:
    check_flips(study, tmp_path, name, 1500)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("n", [0, 20])
def test_a_cut_file_is_named(study: Path, tmp_path: Path, name: str, n: int) -> None:
    shutil.copytree(study, tmp_path / "cut")
    path = sorted((tmp_path / "cut").glob(f"*/{name}"))[0]
    path.write_bytes(path.read_bytes()[:n])
    _, named = reported(tmp_path / "cut")
    relative = path.relative_to(tmp_path / "cut").as_posix()
    assert {f"ROOT/{relative}", f"ROOT/{relative.rpartition('/')[0]}"} & named


@pytest.mark.parametrize("name", FILES[1:])
def test_a_missing_file_is_named(study: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(study, tmp_path / "cut")
    path = sorted((tmp_path / "cut").glob(f"*/{name}"))[0]
    path.unlink()
    _, named = reported(tmp_path / "cut")
    assert f"ROOT/{path.relative_to(tmp_path / 'cut').as_posix()}" in named


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_flipped_predictions_without_checksums_crash_nothing(study: Path, tmp_path: Path) -> None:
    """Records of earlier versions have no checksums: damage is named where it can be seen."""
    shutil.copytree(study, tmp_path / "old")
    for path in (tmp_path / "old").glob("*/run.json"):
        record = json.loads(path.read_text())
        record.pop("checksum")
        record.pop("files")
        path.write_text(json.dumps(record))
    draws = np.random.default_rng(9)
    for number in range(2000):
        flip(tmp_path / "old", tmp_path / str(number), FILES[number % len(FILES)], draws)
        reported(tmp_path / str(number))
        shutil.rmtree(tmp_path / str(number))
