"""Counts of images by class before loading equal the labels of the loaded source."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cnncompare.config.data import DataConfig
from cnncompare.data.sources.count_classes import count_classes
from cnncompare.data.sources.load import load_source
from tests.data.sources import forms

PHOTOS = forms.draw_photos()
Write = Callable[[Path], dict[str, Any]]


def split_folders(root: Path) -> dict[str, Any]:
    return {"source": "folder", "root": str(forms.write_split_folders(PHOTOS, root))}


def label_table(root: Path) -> dict[str, Any]:
    forms.write_class_folders(PHOTOS, root)
    return {"source": "folder", "root": str(root), "labels": str(root.with_suffix(".csv"))}


def arrays(root: Path) -> dict[str, Any]:
    return {"source": "arrays", "root": str(forms.write_npz(PHOTOS, root.with_suffix(".npz")))}


def parquet(root: Path) -> dict[str, Any]:
    return {"source": "parquet", "root": str(forms.write_parquet(PHOTOS, root))}


def synthetic(root: Path) -> dict[str, Any]:
    return {"source": "synthetic", "synthetic": {"classes": 3, "n_train": 10, "n_test": 5}}


@pytest.fixture(params=[split_folders, label_table, arrays, parquet, synthetic])
def config(request: pytest.FixtureRequest, tmp_path: Path) -> DataConfig:
    written = request.param(tmp_path / "pets")
    cache = str(tmp_path / "cache")
    return DataConfig(name="pets", image_size=12, cache_dir=cache, workers=1, **written)


def test_the_counts_are_those_of_the_loaded_labels(config: DataConfig) -> None:
    counted, source = count_classes(config), load_source(config)
    splits = {"train": source.train, "val": source.val, "test": source.test}
    assert counted is not None
    assert list(counted.classes) == source.classes
    assert counted.counts == {
        name: source.count_classes(split).tolist() for name, split in splits.items() if split
    }


def test_the_digits_count_all_images_for_folds() -> None:
    config = DataConfig(name="digits", source="digits", folds=5, fold=1)
    counted, source = count_classes(config), load_source(config)
    assert counted is not None
    assert source.train is not None
    assert source.test is not None
    total = source.count_classes(source.train) + source.count_classes(source.test)
    assert counted == (source.classes, {"train": total.tolist()})


def test_the_digits_of_each_split_are_counted() -> None:
    config = DataConfig(name="digits", source="digits")
    counted, source = count_classes(config), load_source(config)
    assert counted is not None
    for split in (source.train, source.test):
        assert split is not None
    assert counted.counts == {
        "train": source.count_classes(source.train).tolist(),  # type: ignore[arg-type]
        "test": source.count_classes(source.test).tolist(),  # type: ignore[arg-type]
    }


def test_nothing_imports_torch(config: DataConfig) -> None:
    script = (
        "import sys; from cnncompare.config.data import DataConfig; "
        "from cnncompare.data.sources.count_classes import count_classes; "
        f"count_classes(DataConfig.model_validate_json({config.model_dump_json()!r})); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0
