"""NumPy arrays: usual names, layouts and types are read, others are refused by name."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from cnncompare.config.data import DataConfig
from cnncompare.data.source import Source
from cnncompare.data.sources.arrays import load_arrays
from cnncompare.errors import DataError

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 8, 9, 3), np.uint8)
LABELS = np.array([0, 1, 2, 2, 1, 0])
NAMES = np.array(["cat", "dog", "elk", "elk", "dog", "cat"])


def load(file: Path, labels: Path | None = None) -> Source:
    given = None if labels is None else str(labels)
    return load_arrays(DataConfig(name="arrays", source="arrays", root=str(file), labels=given))


def save(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "set.npz", **arrays)
    return folder / "set.npz"


def pixels(source: Source, split: str = "train") -> NDArray[np.uint8]:
    images = getattr(source, split).images
    assert isinstance(images, torch.Tensor)
    return images.numpy()


@pytest.mark.parametrize(
    ("names", "split"),
    [
        (("images", "labels"), "train"),
        (("x", "y"), "train"),
        (("X", "Y"), "train"),
        (("x_train", "y_train"), "train"),
        (("x_val", "y_val"), "val"),
        (("x_test", "y_test"), "test"),
        (("train_images", "train_labels"), "train"),
        (("val_images", "val_labels"), "val"),
        (("test_images", "test_labels"), "test"),
        (("images_validation", "labels_validation"), "val"),
    ],
)
def test_usual_names_of_arrays(tmp_path: Path, names: tuple[str, str], split: str) -> None:
    arrays = {names[0]: IMAGES, names[1]: LABELS}
    if split != "train":
        arrays |= {"x_train": IMAGES[::-1], "y_train": LABELS[::-1]}
    source = load(save(tmp_path, **arrays))
    assert source.classes == ["0", "1", "2"]
    assert source.shape == (3, 8, 9)
    np.testing.assert_array_equal(pixels(source, split), np.moveaxis(IMAGES, 3, 1))
    assert getattr(source, split).labels.tolist() == LABELS.tolist()
    assert (source.test is None, source.val is None) == (split != "test", split != "val")


def test_a_pair_of_npy_files_keeps_its_own_order(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", IMAGES)
    np.save(tmp_path / "labels.npy", NAMES)
    source = load(tmp_path / "images.npy", tmp_path / "labels.npy")
    assert source.classes == ["cat", "dog", "elk"]
    assert source.train.labels.tolist() == LABELS.tolist()
    np.testing.assert_array_equal(pixels(source), np.moveaxis(IMAGES, 3, 1))


@pytest.mark.parametrize(
    ("stored", "shape"),
    [
        (IMAGES, (3, 8, 9)),
        (np.moveaxis(IMAGES, 3, 1), (3, 8, 9)),
        (IMAGES[..., 0], (1, 8, 9)),
        (IMAGES[..., :1], (1, 8, 9)),
        (IMAGES[:, None, ..., 0], (1, 8, 9)),
        (np.asfortranarray(IMAGES), (3, 8, 9)),
    ],
)
def test_layouts(tmp_path: Path, stored: NDArray[Any], shape: tuple[int, ...]) -> None:
    source = load(save(tmp_path, images=stored, labels=LABELS))
    assert source.shape == shape
    np.testing.assert_array_equal(pixels(source), np.moveaxis(IMAGES, 3, 1)[:, : shape[0]])


@pytest.mark.parametrize(
    "stored",
    [
        IMAGES.astype(np.float32) / 255,
        IMAGES.astype(np.float64) / 255,
        IMAGES.astype(np.float32),
        IMAGES.astype(np.float16),
        IMAGES.astype(np.float32) + np.float32(0.25) * (IMAGES < 255),
        IMAGES.astype(np.uint16),
        IMAGES.astype(np.uint16) << 2,
        (IMAGES.astype(np.uint16) << 4) + 15,
        (IMAGES.astype(np.uint16) << 6) + 63,
        IMAGES.astype(np.uint16) << 8,
        (IMAGES.astype(np.uint16) * 257).astype(">u2"),
    ],
)
def test_floats_and_16_bits_become_the_8_bits_they_came_from(
    tmp_path: Path, stored: NDArray[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cnncompare.data.sources.arrays._CHUNK_BYTES", 2 * stored[:1].nbytes)
    source = load(save(tmp_path, images=stored, labels=LABELS))
    np.testing.assert_array_equal(pixels(source), np.moveaxis(IMAGES, 3, 1))


def test_one_rule_holds_for_all_splits(tmp_path: Path) -> None:
    dark = np.full((6, 8, 9), 0.5, np.float32)
    file = save(tmp_path, x_train=dark * 510, y_train=LABELS, x_test=dark, y_test=LABELS)
    source = load(file)
    assert set(pixels(source).ravel()) == {255}
    assert set(pixels(source, "test").ravel()) == {0}  # 0.5 of 255, rounded to even


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (LABELS, ["0", "1", "2"]),
        (LABELS[:, None], ["0", "1", "2"]),
        (LABELS.astype(np.uint8) * 5 + 5, ["5", "10", "15"]),
        (NAMES, ["cat", "dog", "elk"]),
        (NAMES.astype("S"), ["cat", "dog", "elk"]),
    ],
)
def test_labels(tmp_path: Path, labels: NDArray[Any], classes: list[str]) -> None:
    source = load(save(tmp_path, images=IMAGES, labels=labels))
    assert source.classes == classes
    assert source.train.labels.tolist() == LABELS.tolist()


def test_an_array_of_class_names_names_the_numbers(tmp_path: Path) -> None:
    names = np.array(["zebra", "none", "dog", "cat"])
    numbers = np.array([0, 2, 3])[LABELS]
    source = load(save(tmp_path, images=IMAGES, labels=numbers, classes=names))
    assert source.classes == ["zebra", "dog", "cat"]
    assert source.train.labels.tolist() == LABELS.tolist()


def bad(**changes: Any) -> dict[str, Any]:
    return {"images": IMAGES, "labels": LABELS} | changes


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            bad(images=IMAGES.astype(np.int64)),
            r"images in .* has the type int64; images are uint8,",
        ),
        (bad(images=IMAGES > 9), r"has the type bool"),
        (bad(images=IMAGES.astype(np.uint32)), r"has the type uint32"),
        (bad(images=IMAGES.astype(complex)), r"has the type complex128"),
        (bad(images=IMAGES.astype(object)), r"images in .* has the type object \(Python objects"),
        (bad(labels=NAMES.astype(object)), r"labels in .* has the type object"),
        (
            bad(images=IMAGES[0]),
            r"images in .* has 8 images, but the array labels in .* has 6 labels",
        ),
        (
            bad(images=IMAGES[0, 0]),
            r"has the shape \(9, 3\); images are \[N, H, W\], \[N, H, W, C\]",
        ),
        (bad(images=IMAGES[:, :, :, [0, 1, 2, 0]]), r"has the shape \(6, 8, 9, 4\)"),
        (bad(images=IMAGES[None]), r"has the shape \(1, 6, 8, 9, 3\)"),
        (bad(images=IMAGES[:0], labels=LABELS[:0]), r"has the shape \(0, 8, 9, 3\)"),
        (bad(images=IMAGES - 0.5), r"have values from -0\.5 to 254\.5; floats are in \[0, 1\] or"),
        (bad(images=IMAGES * 2.0), r"have values from 0 to 510"),
        (bad(images=IMAGES * np.nan), r"have values from nan to nan"),
        (bad(labels=LABELS[:5]), r"has 6 images, but the array labels in .* has 5 labels"),
        (bad(labels=np.eye(3)[LABELS]), r"labels in .* has the type float64; labels are integers"),
        (bad(labels=np.eye(3, dtype=int)[LABELS]), r"shape \(6, 3\); .*one-hot rows, save argmax"),
        (bad(labels=LABELS - 1), r"no label for 2 of 6 images; the first is '-1' at index 0"),
        (bad(labels=np.array(["a", "", "b", "", "a", "b"])), r"no label for 2 of 6 .* at index 1"),
        (bad(labels=LABELS * 0), r"has 1 classes \('0'\); at least 2"),
        (
            bad(classes=np.array(["a", "b"])),
            r"2 different class names, but labels up to 2, which need 3 names",
        ),
        (bad(classes=np.array(["a", "b", "a"])), r"has 2 different class names"),
        ({"images": IMAGES}, r"images has no array of labels beside it"),
        ({"x_test": IMAGES, "y_test": LABELS}, r"has no training images \(its arrays: x_test"),
        ({"a": IMAGES}, r"has no training images \(its arrays: a\); name the arrays images and"),
        (bad(x_test=IMAGES, y_test=LABELS), r"has arrays with and without a split"),
        (bad(x=IMAGES), r"images and x have the same meaning; keep one"),
        (
            {"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES[:, :7], "y_test": LABELS},
            r"x_train in .* the shape \(6, 8, 9, 3\), the array x_test in .* \(6, 7, 9, 3\); all",
        ),
        (
            {"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES, "y_test": LABELS + 1},
            r"class '3' is in the test split but not in the train split",
        ),
        (
            {"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES, "y_test": NAMES},
            r"y_train in .* has the type int64 .* all splits need the same",
        ),
    ],
)
def test_faults_are_named_in_one_line(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    file = save(tmp_path, **arrays)
    with pytest.raises(DataError, match=message) as caught:
        load(file)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_arrays_are_named(tmp_path: Path) -> None:
    whole = save(tmp_path, images=IMAGES, labels=LABELS).read_bytes()
    for name, content, message in (
        ("text.npz", b"<html>", r"text\.npz is no \.npz file"),
        ("cut.npz", whole[: len(whole) // 2], r"cut\.npz is no \.npz file"),
        ("broken.npz", whole.replace(b"NUMPY", b"NUMPX"), r"cannot be read as a NumPy array"),
        ("set.txt", b"", r"set\.txt is no NumPy file; its name must end in \.npz or \.npy"),
        ("only.npy", whole, r"only\.npy contains images; add data\.labels=LABELS\.npy"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=message):
            load(tmp_path / name)
    np.save(tmp_path / "labels.npy", LABELS)
    with pytest.raises(DataError, match=r"only\.npy cannot be read as a NumPy array"):
        load(tmp_path / "only.npy", tmp_path / "labels.npy")
    with pytest.raises(DataError, match=r"set\.npz contains the labels; omit data\.labels"):
        load(tmp_path / "set.npz", tmp_path / "labels.npy")
    with pytest.raises(DataError, match=r"data\.root=.*none\.npz: there is no file"):
        load(tmp_path / "none.npz")
