"""Parquet and Arrow files of Hugging Face datasets: read as written, faults named."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from cnncompare.config.data import DataConfig
from cnncompare.data.module import ImageData
from cnncompare.data.sources import image_tables
from cnncompare.data.sources.table_columns import count_table_labels
from cnncompare.errors import ConfigError, DataError
from tests.data.sources import forms

PHOTOS = forms.draw_photos()
Load = Callable[..., ImageData]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Return a factory of prepared data; keywords are those of DataConfig."""

    def prepare(root: Path | str, **changes: Any) -> ImageData:
        values: dict[str, Any] = {"name": "parquet", "source": "parquet", "root": str(root)}
        values |= {"cache_dir": str(tmp_path / "cache"), "workers": 1, "batch_size": 4}
        data = ImageData(DataConfig(**(values | changes)), seed=0)
        data.prepare()
        return data

    return prepare


def check(data: ImageData, photos: list[forms.Photo] = PHOTOS) -> None:
    """Compare the test images with the photos, in their order."""
    tested = [photo for photo in photos if photo.split == "test"]
    assert data.classes == ["cat", "dog"]
    assert data.test_labels.tolist() == [data.classes.index(photo.label) for photo in tested]
    for image, photo in zip(data.test_images(range(len(tested))), tested, strict=True):
        np.testing.assert_array_equal(image.numpy(), np.moveaxis(photo.pixels, 2, 0))


@pytest.mark.parametrize("named", [True, False])
def test_files_of_push_to_hub(tmp_path: Path, load: Load, named: bool) -> None:
    data = load(forms.write_parquet(PHOTOS, tmp_path / "pets", named), val_fraction=0.25)
    assert (data.n_train, data.n_val, data.n_test) == (9, 3, 6)
    check(data)


def test_files_of_save_to_disk_without_the_caches_beside_them(tmp_path: Path, load: Load) -> None:
    data = load(forms.write_saved_dict(PHOTOS, tmp_path / "pets"), val_fraction=0.25)
    assert (data.n_train, data.n_val, data.n_test) == (9, 3, 6)
    check(data)


def test_rows_keep_their_order(tmp_path: Path, load: Load) -> None:
    mixed = [PHOTOS[i] for i in np.random.default_rng(1).permutation(len(PHOTOS))]
    mixed.sort(key=lambda photo: photo.split == "test")
    check(load(forms.write_parquet(mixed, tmp_path / "pets"), val_fraction=0.25), mixed)


@pytest.mark.parametrize(
    ("train", "val", "test"),
    [
        ("train.parquet", "validation.parquet", "test.parquet"),
        ("data/train-00000-of-00001.parquet", "data/valid-0.parquet", "data/test_0.parquet"),
        ("default/Train/0000.parquet", "default/dev/0000.parquet", "default/testing/0000.parquet"),
    ],
)
def test_splits_by_file_and_folder_names(
    tmp_path: Path, load: Load, train: str, val: str, test: str
) -> None:
    for name, split in ((train, "train"), (val, "train"), (test, "test")):
        (tmp_path / "pets" / name).parent.mkdir(parents=True, exist_ok=True)
        table = forms.table_of([photo for photo in PHOTOS if photo.split == split])
        pq.write_table(table, tmp_path / "pets" / name)
    data = load(tmp_path / "pets")
    assert (data.n_train, data.n_val, data.n_test) == (12, 12, 6)
    check(data)


def test_a_single_file_is_split(tmp_path: Path, load: Load) -> None:
    pq.write_table(forms.table_of(PHOTOS), tmp_path / "pets.parquet")
    data = load(tmp_path / "pets.parquet", test_fraction=0.25, val_fraction=0.25)
    assert (data.n_train, data.n_val, data.n_test) == (10, 4, 4)


def test_a_file_of_another_split_is_named(
    tmp_path: Path, load: Load, caplog: pytest.LogCaptureFixture
) -> None:
    root = forms.write_parquet(PHOTOS, tmp_path / "pets")
    (root / "data" / "extra-0.parquet").write_bytes(b"")
    check(load(root, val_fraction=0.25))
    assert "not read, as their split is none of" in caplog.text
    assert "data/extra-0.parquet" in caplog.text


def test_several_files_of_an_arrow_file_format(tmp_path: Path, load: Load) -> None:
    table = forms.table_of(PHOTOS)
    with pa.ipc.new_file(tmp_path / "pets.arrow", table.schema) as out:
        out.write_table(table)
    assert load(tmp_path / "pets.arrow", test_fraction=0.25, val_fraction=0.25).n_test == 4


def test_resized_cached_and_lazy_images_are_equal(tmp_path: Path, load: Load) -> None:
    root = forms.write_parquet(PHOTOS, tmp_path / "pets")
    options = {"image_size": 8, "resize": 10, "val_fraction": 0.25}
    cached, lazy = load(root, **options), load(root, **options, cache_limit_gib=0.0)
    assert cached.fingerprint == lazy.fingerprint == load(root, val_fraction=0.25).fingerprint
    for one, other in zip(cached.test_dataloader(), lazy.test_dataloader(), strict=True):
        assert all((a == b).all() for a, b in zip(one, other, strict=True))


def test_the_archive_is_reused_until_a_file_changes(
    tmp_path: Path, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = forms.write_parquet(PHOTOS, tmp_path / "pets")
    first = load(root, val_fraction=0.25).fingerprint
    monkeypatch.setattr("cnncompare.data.sources.image_archive._copy", lambda *_: 1 / 0)
    assert load(root, val_fraction=0.25).fingerprint == first
    monkeypatch.undo()
    changed = forms.draw_photos()
    changed[-1].pixels = 255 - changed[-1].pixels
    table = forms.table_of([photo for photo in changed if photo.split == "test"])
    pq.write_table(table, root / "data" / "test-00000-of-00001.parquet")
    data = load(root, val_fraction=0.25)
    assert data.fingerprint != first
    check(data, changed)


def test_an_image_that_is_only_named_is_read_from_its_file(tmp_path: Path, load: Load) -> None:
    (tmp_path / "png").mkdir()
    images = []
    for i, photo in enumerate(PHOTOS):
        (tmp_path / "png" / f"{i}.png").write_bytes(photo.png())
        images.append({"bytes": None, "path": f"png/{i}.png"})
    table = forms.table_of(PHOTOS).set_column(
        0, forms.schema(["cat", "dog"]).field(0), pa.array(images, forms.schema(None).field(0).type)
    )
    pq.write_table(table, tmp_path / "pets.parquet")
    assert load(tmp_path / "pets.parquet", test_fraction=0.25, val_fraction=0.25).n_test == 4
    (tmp_path / "png" / "3.png").unlink()
    pq.write_table(table.slice(0), tmp_path / "gone.parquet")
    with pytest.raises(DataError, match=r"gone\.parquet row 3 .* only the path png/3\.png"):
        load(tmp_path / "gone.parquet")


def plain(labels: Any, name: str = "label", **columns: Any) -> pa.Table:
    png = [photo.png() for photo in PHOTOS]
    return pa.table({"image": pa.array(png, pa.binary()), name: labels, **columns})


@pytest.mark.parametrize(
    "labels",
    [
        pa.array([photo.label for photo in PHOTOS]),
        pa.array([photo.label for photo in PHOTOS]).dictionary_encode(),
        pa.array([photo.label for photo in PHOTOS], pa.large_string()),
    ],
)
def test_tables_without_metadata(tmp_path: Path, load: Load, labels: Any) -> None:
    pq.write_table(plain(labels), tmp_path / "pets.parquet")
    data = load(tmp_path / "pets.parquet", test_fraction=0.25, val_fraction=0.25)
    assert data.classes == ["cat", "dog"]


def test_a_label_column_can_be_chosen(tmp_path: Path, load: Load) -> None:
    fine = pa.array([i % 3 for i in range(len(PHOTOS))])
    table = plain(fine, "fine", coarse=[photo.label for photo in PHOTOS])
    pq.write_table(table, tmp_path / "pets.parquet")
    fractions = {"test_fraction": 0.3, "val_fraction": 0.3}
    assert load(tmp_path / "pets.parquet", labels="fine", **fractions).classes == ["0", "1", "2"]
    assert load(tmp_path / "pets.parquet", labels="coarse", **fractions).classes == ["cat", "dog"]
    for labels, message in (
        (None, r"no column of labels \(its columns: image \(binary\), fine \(int64\)"),
        ("kind", r"data\.labels=kind: pets\.parquet has no such column"),
        ("image", r"the column image has the type binary; labels are integers or strings"),
    ):
        with pytest.raises(DataError, match=message):
            load(tmp_path / "pets.parquet", labels=labels)


def test_unused_class_names_are_left_out(tmp_path: Path, load: Load) -> None:
    table = forms.table_of(PHOTOS).replace_schema_metadata(
        forms.schema(["dog", "elk", "cat"]).metadata
    )
    numbers = pa.array([2 if photo.label == "cat" else 0 for photo in PHOTOS])
    pq.write_table(table.set_column(1, "label", numbers), tmp_path / "pets.parquet")
    data = load(tmp_path / "pets.parquet", test_fraction=0.25, val_fraction=0.25)
    assert data.classes == ["dog", "cat"]


LABELS = [photo.label for photo in PHOTOS]


def with_images(images: list[bytes | None]) -> pa.Table:
    return plain(LABELS).set_column(0, "image", pa.array(images, pa.binary()))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pa.table({"label": LABELS}), r"has no column of images \(its columns: label \(string\)\)"),
        (plain(LABELS, "kind"), r"has no column of labels"),
        (plain([0.5] * len(LABELS)), r"has no column of labels"),
        (
            plain(LABELS, target=LABELS),
            r"columns of labels: label, target; set data\.labels=COLUMN",
        ),
        (
            plain(LABELS, scan=pa.array([b""] * len(LABELS))).rename_columns(["a", "label", "b"]),
            r"several columns of images: a, b; keep one",
        ),
        (plain(["cat", None, *LABELS[2:]]), r"pets\.parquet row 1 has no label \(label=None\)"),
        (plain([0, 1, -1] * 6), r"row 2 has no label \(label=-1\)"),
        (plain(["cat"] * len(LABELS)), r"has 1 classes \('cat'\); at least 2"),
        (with_images([None] * len(LABELS)), r"pets\.parquet row 0 has no image"),
        (with_images([b"x"] * len(LABELS)), r"pets\.parquet row 0 in .* \(not an image\)"),
    ],
)
def test_faults_are_named_in_one_line(
    tmp_path: Path, load: Load, table: pa.Table, message: str
) -> None:
    pq.write_table(table, tmp_path / "pets.parquet")
    with pytest.raises(DataError, match=message) as caught:
        load(tmp_path / "pets.parquet", test_fraction=0.25, val_fraction=0.25)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("cache/*.tmp"))


def test_unreadable_files_are_named_before_torch_is_needed(tmp_path: Path) -> None:
    root = forms.write_parquet(PHOTOS, tmp_path / "pets")
    count_table_labels(str(root), None)
    (root / "data" / "test-00000-of-00001.parquet").write_bytes(b"<html>")
    with pytest.raises(DataError, match=r"test-00000-of-00001\.parquet cannot be read"):
        count_table_labels(str(root), None)
    with pytest.raises(DataError, match=r"data\.root=.*nowhere does not exist"):
        count_table_labels(str(tmp_path / "nowhere"), None)
    for file in (root / "data").iterdir():
        file.unlink()
    with pytest.raises(DataError, match=r"has no file ending in \.parquet or \.arrow"):
        count_table_labels(str(root), None)
    pq.write_table(forms.table_of(PHOTOS), root / "test.parquet")
    with pytest.raises(DataError, match=r"has no training images \(its splits: test\)"):
        count_table_labels(str(root), None)
    (root / "train.arrow").write_bytes(b"")
    with pytest.raises(DataError, match=r"files ending in \.parquet and in \.arrow"):
        count_table_labels(str(root), None)


def test_tables_that_differ_are_named(tmp_path: Path) -> None:
    root = forms.write_parquet(PHOTOS, tmp_path / "pets")
    pq.write_table(plain(LABELS), root / "data" / "train-9.parquet")
    with pytest.raises(DataError, match=r"train-9\.parquet has other columns or class names than"):
        count_table_labels(str(root), None)


@pytest.mark.parametrize(
    ("root", "package", "extra"), [("x", "pyarrow", "parquet"), ("hf://a/b", "datasets", "hf")]
)
def test_a_missing_package_is_named_with_the_command(
    monkeypatch: pytest.MonkeyPatch, root: str, package: str, extra: str
) -> None:
    monkeypatch.setattr(image_tables, "find_spec", lambda name: None if name == package else name)
    with pytest.raises(
        ConfigError, match=rf"needs the package {package}: pip install 'cnncompare\[{extra}\]'"
    ):
        count_table_labels(root, None)


class FakeDataset:
    """The methods of `datasets.Dataset` that are used, over a table in memory."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self._fingerprint = "0123"
        self.features = SimpleNamespace(arrow_schema=table.schema)

    def select_columns(self, names: list[str]) -> "FakeDataset":
        return FakeDataset(self._table.select(names))

    def with_format(self, kind: str) -> "FakeDataset":
        assert kind == "arrow"
        return self

    def iter(self, batch_size: int) -> Any:
        for start in range(0, len(self._table), batch_size):
            yield self._table.slice(start, batch_size)


def test_hub_names_are_loaded_by_datasets(
    load: Load, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    calls = []

    def load_dataset(path: str, name: str | None, *, revision: str | None) -> dict[str, Any]:
        calls.append((path, name, revision))
        if path == "zoo/none":
            raise FileNotFoundError("Couldn't find 'zoo/none'\non the hub")
        tables = {split: forms.table_of(photos) for split, photos in forms.by_split(PHOTOS)}
        return {name: FakeDataset(tables[name[:5].strip("-")]) for name in ("train", "test")} | {
            "unlabelled": FakeDataset(tables["train"])
        }

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    monkeypatch.setattr(image_tables, "find_spec", lambda name: name)
    data = load("hf://zoo/pets/small@v1", val_fraction=0.25)
    assert calls == [("zoo/pets", "small", "v1")]
    check(data)
    assert "unlabelled" in caplog.text
    load("hf://zoo/pets", val_fraction=0.25)
    load("hf://mnist", val_fraction=0.25)
    assert calls[1:] == [("zoo/pets", None, None), ("mnist", None, None)]
    with pytest.raises(
        DataError, match=r"hf://zoo/none cannot be loaded from the hub \(FileNotFoun"
    ):
        load("hf://zoo/none")


def test_grey_images_can_stay_grey(tmp_path: Path, load: Load) -> None:
    content = io.BytesIO()
    Image.new("L", (8, 8), 7).save(content, "PNG")
    table = with_images([content.getvalue()] * len(LABELS))
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": {}}})})
    pq.write_table(table, tmp_path / "train.parquet")
    pq.write_table(table, tmp_path / "test.parquet")
    data = load(tmp_path, channels=1, val_fraction=0.3, normalize="half")
    assert data.image_shape == (1, 8, 8)
    assert set(data.test_images([0]).flatten().tolist()) == {7}
