"""Changes of data files since their states were recorded."""

import os
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from cnncompare.config.data import DataConfig
from cnncompare.data import file_states
from cnncompare.data.file_states import (
    describe_changes,
    from_json,
    is_gone,
    record_states,
    to_json,
)


def folder(root: Path) -> DataConfig:
    return DataConfig(name="folder", source="folder", root=str(root))


def add(root: Path) -> None:
    for number in range(6):
        shutil.copy(root / "test/dog/000.png", root / f"test/dog/9{number}.png")


def rewrite(root: Path) -> None:
    path = root / "train/cat/000.png"
    content = bytearray(path.read_bytes())
    content[60] ^= 1
    path.write_bytes(content)


def touch(root: Path) -> None:
    os.utime(root / "train/cat/000.png", (1, 1))


def copy_tree(root: Path) -> None:
    shutil.copytree(root, root.with_name("copy"), copy_function=shutil.copyfile)
    shutil.rmtree(root)
    root.with_name("copy").rename(root)


def add_other_files(root: Path) -> None:
    (root / "train/cat/notes.txt").write_text("fluffy")
    shutil.copytree(root / "train/cat", root / "train/.cat")
    (root / "train/cat/up").symlink_to(root)


CHANGES: list[tuple[Callable[[Path], object], str]] = [
    (lambda root: None, ""),
    (touch, ""),
    (copy_tree, ""),
    (add_other_files, ""),
    (add, "6 test images then, 12 now"),
    (rewrite, "1 file with other content: train/cat/000.png"),
    (lambda root: shutil.rmtree(root / "train/dog"), "20 training images then, 10 now"),
    (
        lambda root: (root / "test/cat/000.png").rename(root / "test/cat/9.png"),
        "1 file new or renamed: test/cat/9.png",
    ),
]


@pytest.mark.parametrize(("change", "expected"), CHANGES)
def test_changes_are_described(pets: Path, change: Callable[[Path], object], expected: str) -> None:
    config = folder(pets)
    states = record_states(config, {})
    assert states is not None
    assert from_json(to_json(states)) == states
    change(pets)
    assert describe_changes(config, states) == expected


def test_states_hold_the_hash_of_each_file(pets: Path) -> None:
    known = {str(pets / "test/cat/000.png"): "known"}
    states = record_states(folder(pets), known)
    assert states is not None
    assert len(states) == 26
    assert states["test/cat/000.png"].sha256 == "known"
    path = pets / "test/cat/001.png"
    assert states["test/cat/001.png"].sha256 == sha256(path.read_bytes()).hexdigest()


def test_unchanged_files_are_not_read_again(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    states = record_states(folder(pets), {})
    assert states is not None
    monkeypatch.setattr(file_states, "_hash", lambda *_: pytest.fail("a file was read"))
    assert describe_changes(folder(pets), states) == ""


def test_data_without_files_are_gone(pets: Path) -> None:
    assert not is_gone(folder(pets))
    shutil.rmtree(pets)
    assert is_gone(folder(pets))
    pets.mkdir()  # a drive that is not mounted
    assert is_gone(folder(pets))


def test_names_that_are_not_utf8_are_kept(pets: Path) -> None:
    os.rename(os.fsencode(pets / "test/cat/000.png"), os.fsencode(pets) + b"/test/cat/\xff.png")
    states = record_states(folder(pets), {})
    assert states is not None
    assert from_json(to_json(states)) == states
    assert describe_changes(folder(pets), states) == ""


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"a": 1}', b'{"a": [1, 2, 3, 4]}'])
def test_an_invalid_file_of_states_is_none(content: bytes) -> None:
    assert from_json(content) is None


def test_downloaded_data_have_no_states() -> None:
    assert record_states(DataConfig(name="digits", source="digits"), {}) is None
