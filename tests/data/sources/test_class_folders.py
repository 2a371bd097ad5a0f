"""Layouts of image folders: spellings of the splits, one folder per class, and their faults."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cnncompare.data.sources.class_folders import (
    count_class_files,
    find_class_folders,
    list_class_files,
)
from cnncompare.errors import DataError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "images"


def make(root: Path, *folders: str, n: int = 1) -> None:
    for folder in folders:
        (root / folder).mkdir(parents=True)
        for number in range(n):
            (root / folder / f"{number}.png").write_bytes(b"")


def make_splits(root: Path, *splits: str) -> None:
    make(root, *(f"{split}/{name}" for split in splits for name in ("cat", "dog")))


@pytest.mark.parametrize(
    ("train", "val", "test"),
    [
        ("train", "val", "test"),
        ("training", "valid", "testing"),
        ("Train", "Validation", "TEST"),
        ("TRAINING", "dev", "Testing"),
    ],
)
def test_the_usual_spellings_are_known(root: Path, train: str, val: str, test: str) -> None:
    make_splits(root, train, val, test)
    found = find_class_folders(str(root))
    assert found.splits == {"train": train, "val": val, "test": test}
    files, _ = list_class_files(found)
    assert files["val"] == [[f"{val}/cat/0.png"], [f"{val}/dog/0.png"]]


@pytest.mark.parametrize("name", ["extra", "eval", "vaild", "holdout", "unlabeled", "train2"])
def test_any_other_folder_beside_the_splits_is_named(root: Path, name: str) -> None:
    make_splits(root, "train", "test")
    (root / name).mkdir()
    with pytest.raises(
        DataError, match=rf"folder {name}/ beside train/, test/, not read as a split"
    ):
        find_class_folders(str(root))


def test_a_misspelled_split_gets_a_suggestion(root: Path) -> None:
    make_splits(root, "train", "test", "vaild")
    with pytest.raises(DataError, match=r"did you mean 'valid'"):
        find_class_folders(str(root))


@pytest.mark.parametrize("pair", [("val", "valid"), ("test", "Testing"), ("train", "Train")])
def test_two_spellings_of_one_split_are_refused(root: Path, pair: tuple[str, str]) -> None:
    make_splits(root, *{"train", "test", *pair})
    with pytest.raises(DataError, match=r"two folders for one split") as caught:
        find_class_folders(str(root))
    assert all(f"{name}/" in str(caught.value) for name in pair)


def test_hidden_and_system_folders_are_neither_splits_nor_classes(root: Path) -> None:
    make_splits(root, "train", "test", "__MACOSX", ".cache")
    make(root, "train/.ipynb_checkpoints", "test/@eaDir")
    found = find_class_folders(str(root))
    assert found.splits == {"train": "train", "test": "test"}
    assert found.classes == {"train": ["cat", "dog"], "test": ["cat", "dog"]}


def test_one_folder_of_classes_has_no_splits(root: Path) -> None:
    make(root, "dog", "cat", "fox/young")
    found = find_class_folders(str(root))
    assert (found.has_splits, found.classes) == (False, {"train": ["cat", "dog", "fox"]})
    files, _ = list_class_files(found)
    assert files == {"train": [["cat/0.png"], ["dog/0.png"], ["fox/young/0.png"]]}


@pytest.mark.parametrize("classes", [("valid", "invalid"), ("train", "car", "bus")])
def test_a_class_may_be_named_like_a_split(root: Path, classes: tuple[str, ...]) -> None:
    make(root, *classes)
    assert find_class_folders(str(root)).classes == {"train": sorted(classes)}


@pytest.mark.parametrize("folders", [("train", "test"), ("train", "val", "other")])
def test_splits_without_class_folders_are_not_classes(root: Path, folders: tuple[str, ...]) -> None:
    make(root, *folders)
    with pytest.raises(DataError):
        find_class_folders(str(root))


def test_only_training_images_get_the_advice_to_draw_the_splits(root: Path) -> None:
    make_splits(root, "train")
    with pytest.raises(DataError, match=r"no folder test/.*set data\.root=.*/images/train"):
        find_class_folders(str(root))


def test_a_single_class_folder_is_named(root: Path) -> None:
    make(root, "photos/cat", "photos/dog")
    with pytest.raises(DataError, match=r"images has 1 class folders; .*it has: photos"):
        find_class_folders(str(root))


@pytest.mark.parametrize(
    ("link", "target", "message"),
    [
        ("train/kitty", "cat", r"train/cat and train/kitty .* the same images"),
        ("train/loop", "..", r"train/loop is a link to .*, which contains it"),
        ("test", "train", r"and test/cat .* the same images"),
    ],
)
def test_a_class_folder_is_not_read_twice(root: Path, link: str, target: str, message: str) -> None:
    make_splits(root, *{"train", "test"} - {link})
    (root / link).symlink_to(target)
    with pytest.raises(DataError, match=message):
        find_class_folders(str(root))


def test_a_class_of_unread_formats_names_them(root: Path) -> None:
    make_splits(root, "train", "test")
    (root / "train/cat/0.png").rename(root / "train/cat/0.heic")
    with pytest.raises(DataError, match=r"train/cat contains no image .*1 \.heic; convert"):
        count_class_files(str(root))


def test_files_are_counted_by_class_and_split(root: Path) -> None:
    make(root, "cat", n=3)
    make(root, "dog", n=2)
    assert count_class_files(str(root)) == (["cat", "dog"], {"train": [3, 2]})


def test_a_class_name_that_is_not_utf8_is_refused(root: Path) -> None:
    make(root, "cat", "dog")
    os.rename(os.fsencode(root) + b"/cat", os.fsencode(root) + b"/caf\xe9")
    with pytest.raises(DataError, match=r"not UTF-8, b'caf\\xe9'; rename it"):
        find_class_folders(str(root))


def test_names_beyond_ascii_are_class_names(root: Path) -> None:
    make(root, "jörg", "犬")
    assert find_class_folders(str(root)).classes["train"] == ["jörg", "犬"]


def test_the_check_imports_no_torch(root: Path) -> None:
    make(root, "cat", "dog", n=3)
    script = (
        "import sys; from cnncompare.data.sources.class_folders import count_class_files; "
        f"count_class_files({str(root)!r}); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0
