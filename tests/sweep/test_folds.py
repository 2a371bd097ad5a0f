"""Folds on the command line: a run per fold, each image tested once, faults in one line."""

import csv
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from sklearn import datasets

Call = Callable[..., subprocess.CompletedProcess[str]]
SMALL = (
    *("data=digits", "model=lenet5", "trainer.max_epochs=1", "data.limit_train=300"),
    *("logger=[]", "trainer.accelerator=cpu", "trainer.threads=1"),
)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Return a folder with 9 cats and 3 dogs."""
    draws = np.random.default_rng(0)
    for label, n in (("cat", 9), ("dog", 3)):
        (tmp_path / "photos" / label).mkdir(parents=True)
        for i in range(n):
            pixels = draws.integers(0, 256, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / label / f"{i}.png")
    return tmp_path / "photos"


def records(folder: Path) -> dict[int, tuple[Path, dict[str, Any]]]:
    """Return the folder and record of each run by the number of its fold or hold-out."""
    found = {}
    for path in folder.glob("outputs/default/*/run.json"):
        record = json.loads(path.read_text())
        found[record["data"]["resampling"]["number"]] = (path.parent, record)
    return found


def test_three_folds_test_each_image_once(cnncompare: Call, tmp_path: Path) -> None:
    done = cnncompare("-m", "folds=3", *SMALL)
    assert done.returncode == 0, done.stderr
    target, tested = datasets.load_digits().target, []
    runs = records(tmp_path)
    assert sorted(runs) == [1, 2, 3]
    for number, (folder, record) in runs.items():
        drawn = record["data"]["resampling"]
        assert (drawn["method"], drawn["count"], drawn["n"]) == ("folds", 3, 1797)
        assert drawn["limits"] == {"train": 300}
        assert record["test"]["n"] == 599
        with np.load(folder / "predictions.npz") as arrays:
            index, label = arrays["index"], arrays["label"]
        np.testing.assert_array_equal(label, target[index])
        tested += index.tolist()
        with open(folder / "split.csv", newline="") as file:
            rows = [row["file"] for row in csv.DictReader(file) if row["split"] == "test"]
        assert sorted(map(int, rows)) == index.tolist()
        assert f"data.fold={number}" in record["environment"]["argv"]
    assert sorted(tested) == list(range(1797))
    assert len({record["training"]["recipe_hash"] for _, record in runs.values()}) == 1

    again = cnncompare("-m", "folds=3", *SMALL)
    assert "3 skipped" in again.stdout
    report = json.loads(cnncompare("report", "outputs", "--json").stdout)
    (table,) = report["tables"]
    (group,) = table["groups"]
    assert (group["n_runs"], group["resampling"]["n_tested"]) == (3, 1797)
    correct = sum(record["test"]["correct1"] for _, record in runs.values())
    assert group["acc1"]["mean"] == pytest.approx(correct / 1797)
    assert report["skipped"] == []


@pytest.mark.slow
def test_more_holdouts_repeat_no_finished_one(cnncompare: Call, tmp_path: Path) -> None:
    assert cnncompare("data.holdout=2", *SMALL).returncode == 0
    done = cnncompare("-m", "holdouts=2", *SMALL)
    assert done.returncode == 0, done.stderr
    assert "1 finished, 1 skipped" in done.stdout
    drawn = [
        set(np.load(path / "predictions.npz")["index"]) for path, _ in records(tmp_path).values()
    ]
    assert len(drawn) == 2
    assert drawn[0] != drawn[1]
    assert [len(images) for images in drawn] == [359, 359]  # a fifth of 1,797


@pytest.fixture(params=["folders", "table", "arrays", "parquet"])
def three_dogs(request: pytest.FixtureRequest, tmp_path: Path, photos: Path) -> list[str]:
    """Return the overrides for images of which three are dogs, in each form."""
    files = sorted(photos.glob("*/*.png"))
    root, labels = tmp_path / "set", [path.parent.name for path in files]
    if request.param in ("folders", "table"):
        overrides = ["data=folder", f"data.root={photos}"]
        if request.param == "table":
            rows = [f"{path.parent.name}/{path.name},{path.parent.name}\n" for path in files]
            (tmp_path / "labels.csv").write_text("file,label\n" + "".join(rows))
            overrides.append("data.labels=labels.csv")
    elif request.param == "arrays":
        images = np.zeros((len(files), 16, 16), np.uint8)
        np.savez(root.with_suffix(".npz"), images=images, labels=labels)
        overrides = ["data=arrays", f"data.root={root}.npz"]
    else:
        content = [{"bytes": path.read_bytes(), "path": None} for path in files]
        pq.write_table(pa.table({"image": content, "label": labels}), root.with_suffix(".parquet"))
        overrides = ["data=parquet", f"data.root={root}.parquet"]
    return [*overrides, "model=lenet5", "data.image_size=16"]


def test_a_class_with_fewer_images_than_folds_ends_before_anything_is_written(
    cnncompare: Call, tmp_path: Path, three_dogs: list[str]
) -> None:
    done = cnncompare("-m", "folds=5", *three_dogs)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    expected = "class 'dog' has 3 images, too few for 5 folds, which need one each; use at most 3"
    assert line.startswith(f"cnncompare: {expected} folds")
    assert not (tmp_path / "outputs").exists()


def test_more_folds_than_digits_of_a_class_are_refused(cnncompare: Call, tmp_path: Path) -> None:
    done = cnncompare("data=digits", "data.folds=175", "data.fold=1")
    assert done.returncode == 2
    assert "class '8' has 174 images, too few for 175 folds" in done.stderr
    assert not (tmp_path / "outputs").exists()


def test_the_audit_has_the_splits_of_a_fold(cnncompare: Call, tmp_path: Path) -> None:
    done = cnncompare("data", "data=digits", "data.folds=3", "data.fold=2", "--json")
    assert done.returncode == 0, done.stderr
    splits = json.loads(done.stdout)["splits"]
    assert {name: split["n"] for name, split in splits.items()} == {
        "train": 1018,
        "val": 180,
        "test": 599,
    }


@pytest.mark.parametrize("command", ["data", "bench"])
def test_other_commands_name_the_keys_of_one_fold(cnncompare: Call, command: str) -> None:
    done = cnncompare(command, "data=digits", "folds=3")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "a single run has data.folds=5 data.fold=1" in line


def test_the_jobs_of_folds_and_seeds_are_listed(cnncompare: Call) -> None:
    done = cnncompare("-m", "--cfg", "job", "folds=3", "seeds=2", "data=digits", "model=lenet5")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("# job ") == 6
    assert "data.folds=3 data.fold=3 seed=1" in done.stdout
