"""Files that a run writes before its training: the splits of the user's own images."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnncompare.runs.run import Run
from cnncompare.training.train import train
from tests.composing import compose_config


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return two class folders of 30 and 20 images, two hidden files and two others."""
    root = tmp_path_factory.mktemp("photos")
    draws = np.random.default_rng(0)
    for shade, (name, n) in enumerate((("cat", 30), ("dog", 20))):
        (root / name).mkdir()
        for number in range(n):
            pixels = draws.integers(0, 120, (32, 32, 3)) + 100 * shade
            Image.fromarray(pixels.astype(np.uint8)).save(root / name / f"{number:03}.png")
        (root / name / f"._{name}.png").write_bytes(b"\0\5\26\7")
        (root / name / "photo.HEIC").write_bytes(b"")
    return root


@pytest.fixture(scope="module")
def run_on(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Run]:
    folder = tmp_path_factory.mktemp("runs")

    def call(root: Path, *overrides: str) -> Run:
        return train(
            compose_config(
                *("data=folder", f"data.root={root}", "data.image_size=32", "data.batch_size=8"),
                *("model=lenet5", "trainer.max_epochs=1", "trainer.threads=1", "logger=[]"),
                *(f"data.cache_dir={folder}/cache", f"output_root={folder}", "data.workers=0"),
                *("display.progress=off", *overrides),
            )
        )

    return call


@pytest.fixture(scope="module")
def drawn(photos: Path, run_on: Callable[..., Run]) -> Run:
    return run_on(photos)


def results(run: Run) -> dict[str, object]:
    predictions = run.predictions()
    return {
        "test": run.record.test,
        "val_acc1": run.record.best.val_acc1,
        "train_loss": [row["train_loss"] for row in run.epochs()],
        "confidence": predictions.confidence.tolist(),
    }


def test_the_drawn_split_is_written(photos: Path, drawn: Run) -> None:
    with (drawn.folder / "split.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["file", "label", "split"]
    files = sorted(path.relative_to(photos).as_posix() for path in photos.glob("*/[0-9]*.png"))
    assert sorted(row["file"] for row in rows) == files
    assert all(row["label"] == row["file"].partition("/")[0] for row in rows)
    counts = {name: sum(row["split"] == name for row in rows) for name in ("train", "val", "test")}
    assert counts == {"train": 36, "val": 4, "test": 10}
    data = drawn.record.data
    assert (data.n_train, data.n_val, data.n_test) == (36, 4, 10)


def test_ignored_files_are_in_the_record_and_the_log(drawn: Run) -> None:
    record = json.loads((drawn.folder / "run.json").read_text())
    assert record["data"]["ignored_files"] == {".heic": 2, "hidden": 2}
    log = (drawn.folder / "run.log").read_text()
    assert "ignored image formats that are not read (convert them to JPEG or PNG): 2 .heic" in log


def test_other_networks_and_seeds_have_the_same_split(
    photos: Path, drawn: Run, run_on: Callable[..., Run]
) -> None:
    other = run_on(photos, "model=resnet20", "seed=3")
    table = "split.csv"
    assert (other.folder / table).read_bytes() == (drawn.folder / table).read_bytes()
    assert other.record.data == drawn.record.data


def test_a_given_table_repeats_the_results(
    photos: Path, drawn: Run, run_on: Callable[..., Run]
) -> None:
    given = run_on(photos, f"data.split={drawn.folder}/split.csv", "data.split_seed=5")
    assert given.folder != drawn.folder
    assert results(given) == results(drawn)
    assert (given.folder / "split.csv").read_bytes() == (drawn.folder / "split.csv").read_bytes()


def test_the_same_split_as_folders_gives_the_same_results(
    photos: Path, drawn: Run, run_on: Callable[..., Run], tmp_path: Path
) -> None:
    with (drawn.folder / "split.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            target = tmp_path / {"val": "Valid"}.get(row["split"], row["split"]) / row["file"]
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(photos / row["file"], target)
    divided = run_on(tmp_path)
    assert results(divided) == results(drawn)
    assert not (divided.folder / "split.csv").exists()
