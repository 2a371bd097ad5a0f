"""The same 400 photographs as folders, tables, arrays and Parquet files are the same data."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from cnncompare.config.data import DataConfig
from cnncompare.data.module import ImageData
from tests.data.sources import forms

FORMS = ("class_folders", "table", "npz", "npy", "parquet", "parquet_strings", "saved_dict")


@pytest.fixture(scope="module")
def photos(shared_data: Path) -> list[forms.Photo]:
    return forms.read_photos(shared_data / "cifar10-jpeg.tar.xz")


@pytest.fixture(scope="module")
def written(photos: list[forms.Photo], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with all forms of the photographs."""
    root = tmp_path_factory.mktemp("forms")
    forms.write_split_folders(photos, root / "split_folders")
    forms.write_class_folders(photos, root / "class_folders")
    forms.write_labelled_folder(photos, root / "table")
    forms.write_npz(photos, root / "set.npz")
    np.save(root / "images.npy", np.stack([photo.pixels for photo in photos]))
    np.save(root / "labels.npy", np.array([photo.label for photo in photos]))
    forms.write_parquet(photos, root / "parquet")
    forms.write_parquet(photos, root / "parquet_strings", named=False)
    forms.write_saved_dict(photos, root / "saved_dict")
    rows = (f"{i},{photo.split}\n" for i, photo in enumerate(photos))
    (root / "rows.csv").write_text("file,split\n" + "".join(rows))
    return root


def settings(form: str, root: Path) -> dict[str, Any]:
    """Return the keys of `data` that select a form."""
    match form:
        case "class_folders":
            split = str(root / "class_folders.csv")
            return {"source": "folder", "root": str(root / form), "split": split}
        case "split_folders":
            return {"source": "folder", "root": str(root / form)}
        case "table":
            return {"source": "folder", "root": str(root / form), "labels": "labels.csv"}
        case "npz":
            return {"source": "arrays", "root": str(root / "set.npz")}
        case "npy":
            images, labels = str(root / "images.npy"), str(root / "labels.npy")
            split = str(root / "rows.csv")
            return {"source": "arrays", "root": images, "labels": labels, "split": split}
        case _:
            return {"source": "parquet", "root": str(root / form)}


def load(form: str, root: Path, **changes: Any) -> ImageData:
    values = settings(form, root) | {"name": "pets", "cache_dir": str(root / "cache"), "workers": 0}
    data = ImageData(DataConfig(**(values | changes)), seed=0)
    data.prepare()
    return data


def tensors(data: ImageData, split: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return pixels and labels of a split, in its order."""
    chosen = getattr(data._splits, split)
    assert isinstance(chosen.images, torch.Tensor)
    return chosen.images[chosen.rows], chosen.labels


def test_the_photographs_are_what_the_folders_hold(
    photos: list[forms.Photo], written: Path
) -> None:
    data = load("split_folders", written)
    assert data.classes == sorted({photo.label for photo in photos})
    assert len(data.classes) == 10
    assert (data.n_train, data.n_val, data.n_test) == (288, 32, 80)
    expected = [photo for photo in photos if photo.split == "test"]
    images, labels = tensors(data, "test")
    assert [data.classes[label] for label in labels] == [photo.label for photo in expected]
    np.testing.assert_array_equal(
        images.numpy(), np.stack([np.moveaxis(photo.pixels, 2, 0) for photo in expected])
    )


@pytest.mark.parametrize("image_size", [None, 32])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_has_the_same_pixels_labels_and_fingerprint(
    written: Path, form: str, image_size: int | None
) -> None:
    one, other = (load(name, written, image_size=image_size) for name in ("split_folders", form))
    assert one.classes == other.classes
    assert one.fingerprint == other.fingerprint
    assert (one.mean, one.std) == (other.mean, other.std)
    for split in ("train", "val", "test"):
        for ours, theirs in zip(tensors(one, split), tensors(other, split), strict=True):
            assert torch.equal(ours, theirs), split


@pytest.mark.parametrize("form", ["table", "npy", "parquet"])
def test_a_drawn_split_is_the_same_in_every_form(
    photos: list[forms.Photo], tmp_path: Path, form: str
) -> None:
    ordered = sorted(photos, key=lambda photo: (photo.label, photo.name))
    forms.write_class_folders(ordered, tmp_path / "class_folders")
    forms.write_labelled_folder(ordered, tmp_path / "table")
    rows = [f"{photo.label}-{photo.name},{photo.label}\n" for photo in photos]
    (tmp_path / "table" / "labels.csv").write_text("".join(["file,label\n", *rows]))
    np.save(tmp_path / "images.npy", np.stack([photo.pixels for photo in ordered]))
    np.save(tmp_path / "labels.npy", np.array([photo.label for photo in ordered]))
    (tmp_path / "parquet").mkdir()
    pq.write_table(forms.table_of(ordered), tmp_path / "parquet" / "all.parquet")
    one = load("class_folders", tmp_path, split=None)
    other = load(form, tmp_path, split=None)
    assert one.n_test == other.n_test == 80
    assert one.fingerprint == other.fingerprint
    for split in ("train", "val", "test"):
        for ours, theirs in zip(tensors(one, split), tensors(other, split), strict=True):
            assert torch.equal(ours, theirs), split


@pytest.mark.parametrize("form", ["split_folders", "table", "npz", "parquet", "saved_dict"])
def test_five_folds_test_each_photograph_once_in_every_form(
    photos: list[forms.Photo], written: Path, form: str
) -> None:
    tested = []
    for fold in range(1, 6):
        data = load(form, written, folds=5, fold=fold)
        assert data.pool_positions is not None
        assert data.count_leaks() == 0
        assert (data.n_train, data.n_val, data.n_test) == (288, 32, 80)
        assert torch.bincount(data.test_labels).tolist() == [8] * 10
        images, labels = tensors(data, "test")
        for image, label, i in zip(images, labels, data.pool_positions.tolist(), strict=True):
            assert data.classes[label] == photos[i].label
            np.testing.assert_array_equal(image.numpy(), np.moveaxis(photos[i].pixels, 2, 0))
        tested += data.pool_positions.tolist()
    assert sorted(tested) == list(range(400))


@pytest.mark.parametrize(
    ("form", "name", "write"),
    [
        ("class_folders", "class_folders", forms.write_class_folders),
        ("table", "table", forms.write_labelled_folder),
        ("npz", "set.npz", forms.write_npz),
        ("parquet", "parquet", forms.write_parquet),
        ("saved_dict", "saved_dict", forms.write_saved_dict),
    ],
)
def test_one_bit_of_a_test_image_changes_the_fingerprint(
    photos: list[forms.Photo],
    written: Path,
    tmp_path: Path,
    form: str,
    name: str,
    write: Callable[[list[forms.Photo], Path], Path],
) -> None:
    changed = [forms.Photo(**vars(photo)) for photo in photos]
    changed[-1].pixels = changed[-1].pixels ^ np.uint8(1)
    write(changed, tmp_path / name)
    assert load(form, tmp_path).fingerprint != load(form, written).fingerprint


def test_forms_train_to_the_same_numbers(
    written: Path, tmp_path: Path, cnncompare: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    results = []
    for form in ("class_folders", "npz", "parquet"):
        values = settings(form, written)
        done = cnncompare(
            f"data={values.pop('source')}",
            *(f"data.{key}={value}" for key, value in values.items()),
            *("model=lenet5", "trainer.max_epochs=1", "data.batch_size=32", "data.name=pets"),
            *(f"name={form}", "logger=[]", "trainer.accelerator=cpu", "trainer.threads=1"),
            f"data.cache_dir={tmp_path / 'cache'}",
        )
        assert done.returncode == 0, done.stderr
        (path,) = (tmp_path / "outputs" / form).glob("*/predictions.npz")
        results.append(dict(np.load(path)))
    for other in results[1:]:
        for key, values in results[0].items():
            np.testing.assert_array_equal(values, other[key], err_msg=key)
