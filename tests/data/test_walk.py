"""Walk below class folders: each real folder once, ignored files counted by kind."""

import os
from pathlib import Path

import pytest

from cnncompare.data.walk import FolderWalk, describe_ignored

CLASSES = ["train/cat", "train/dog", "test/cat", "test/dog"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return four class folders with an image a.png each."""
    for folder in CLASSES:
        (tmp_path / "root" / folder).mkdir(parents=True)
        (tmp_path / "root" / folder / "a.png").write_bytes(b"")
    return tmp_path / "root"


def walk_all(root: Path) -> tuple[dict[str, list[str]], FolderWalk]:
    walk = FolderWalk(str(root), CLASSES)
    return {folder: walk.images(folder) for folder in CLASSES}, walk


OWN = {folder: [f"{folder}/a.png"] for folder in CLASSES}


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("train/cat/up", ".."),
        ("train/cat/self", "."),
        ("train/cat/root", "../.."),
        ("train/cat/above", "../../.."),
        ("train/cat/all", "/"),
        ("train/cat/sibling", "../dog"),
        ("train/dog/sibling", "../cat"),
        ("train/cat/leak", "../../test/cat"),
        ("train/cat/copy.png", "../dog/a.png"),
        ("train/cat/again.png", "a.png"),
        ("train/cat/leak.jpg", "../../test/dog/a.png"),
    ],
)
def test_a_link_to_what_is_read_anyway_is_not_followed(root: Path, link: str, target: str) -> None:
    (root / link).symlink_to(target)
    files, walk = walk_all(root)
    assert files == OWN
    assert walk.ignored == {"link": 1}
    assert walk.links == [link]


def test_two_links_that_form_a_loop_end(root: Path) -> None:
    (root / "train/cat/sub").mkdir()
    (root / "train/cat/sub/b.png").write_bytes(b"")
    (root / "train/cat/sub/up").symlink_to("../..")
    (root / "train/dog/cats").symlink_to("../cat/sub")
    files, walk = walk_all(root)
    assert files == OWN | {"train/cat": ["train/cat/a.png", "train/cat/sub/b.png"]}
    assert walk.ignored == {"link": 2}


def test_links_without_a_target_are_ignored_unless_they_have_an_images_name(root: Path) -> None:
    (root / "train/cat/a").symlink_to("b")
    (root / "train/cat/b").symlink_to("a")
    (root / "train/cat/gone").symlink_to("nowhere")
    (root / "train/cat/gone.png").symlink_to("nowhere.png")
    files, walk = walk_all(root)
    assert files["train/cat"] == ["train/cat/a.png", "train/cat/gone.png"]
    assert walk.ignored == {"link": 3}


def test_an_images_name_that_leads_to_itself_is_reported(root: Path) -> None:
    (root / "train/cat/self.png").symlink_to("self.png")
    with pytest.raises(OSError, match="Too many levels"):
        walk_all(root)


def test_links_to_other_folders_and_files_are_followed_once(root: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    (store / "more").mkdir(parents=True)
    (store / "more" / "b.png").write_bytes(b"")
    (store / "more" / "up").symlink_to("..")
    (root / "train/cat/more").symlink_to(store / "more")
    (root / "train/dog/more").symlink_to(store / "more")
    (root / "train/dog/b.png").symlink_to(store / "more" / "b.png")
    files, walk = walk_all(root)
    assert files["train/cat"] == ["train/cat/a.png", "train/cat/more/b.png"]
    assert files["train/dog"] == ["train/dog/a.png", "train/dog/b.png"]
    assert sorted(walk.links) == ["train/cat/more/up", "train/dog/more"]


def test_a_linked_class_folder_keeps_its_own_subfolders(root: Path, tmp_path: Path) -> None:
    """The walk of another class must not take them, whichever comes first."""
    store = tmp_path / "store"
    (store / "sub").mkdir(parents=True)
    (store / "sub" / "b.png").write_bytes(b"")
    (root / "train/dog/a.png").unlink()
    (root / "train/dog").rmdir()
    (root / "train/dog").symlink_to(store)
    (root / "train/cat/sub").symlink_to(store / "sub")
    (root / "train/cat/store").symlink_to(tmp_path / "store")
    files, walk = walk_all(root)
    assert files["train/cat"] == ["train/cat/a.png"]
    assert files["train/dog"] == ["train/dog/sub/b.png"]
    assert walk.ignored == {"link": 2}


def test_a_hidden_store_below_the_root_is_reached_by_links(root: Path) -> None:
    (root / ".store" / "more").mkdir(parents=True)
    (root / ".store" / "more" / "b.png").write_bytes(b"")
    (root / "train/cat/more").symlink_to("../../.store/more")
    (root / "train/dog/b.png").symlink_to("../../.store/more/b.png")
    files, walk = walk_all(root)
    assert files["train/cat"] == ["train/cat/a.png", "train/cat/more/b.png"]
    assert files["train/dog"] == ["train/dog/a.png", "train/dog/b.png"]
    assert not walk.ignored


@pytest.mark.parametrize(
    "name",
    [
        *(".ipynb_checkpoints/a-checkpoint.png", "__MACOSX/a.png", "@eaDir/a.png/thumb.jpg"),
        *("._a.png", ".hidden.jpg", "Thumbs.db", "THUMBS.DB", ".DS_Store", "desktop.ini"),
        *(".git/objects/ab/a.png", "$RECYCLE.BIN/a.png"),
    ],
)
def test_hidden_and_system_files_hold_no_images(root: Path, name: str) -> None:
    for folder in ("train/cat", "test/dog"):
        file = root / folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"")
    files, walk = walk_all(root)
    assert files == OWN
    assert walk.ignored == {"hidden": 2}


def test_other_files_are_counted_by_suffix(root: Path) -> None:
    for name in ("a.HEIC", "b.heic", "c.txt", "README", os.fsdecode(b"d.\xff")):
        (root / "train/cat" / name).write_bytes(b"")
    os.mkfifo(root / "train/cat/pipe.png")  # opening it would wait forever
    files, walk = walk_all(root)
    assert files == OWN
    assert walk.ignored == {".heic": 2, ".txt": 1, "no suffix": 1, ".\\udcff": 1, ".png": 1}


def test_the_suffixes_of_jpeg_files_are_known(root: Path) -> None:
    names = ["b.jfif", "c.JPE", "d.JPG", "e.jif"]
    for name in names:
        (root / "train/cat" / name).write_bytes(b"")
    assert len(walk_all(root)[0]["train/cat"]) == 5


def test_a_folder_that_cannot_be_read_is_an_error(root: Path) -> None:
    locked = root / "train/cat/locked"
    locked.mkdir(mode=0)
    if os.access(locked, os.R_OK):
        pytest.skip("this user can read every folder")
    with pytest.raises(PermissionError):
        walk_all(root)


def test_the_description_names_each_kind() -> None:
    counts = {".heic": 1200, ".txt": 3, "hidden": 12, "link": 4, ".png": 1}
    assert describe_ignored(counts, ["a", "b", "c", "d"]) == (
        "ignored image formats that are not read (convert them to JPEG or PNG): 1,200 .heic; "
        "images outside the class folders: 1 .png; files that are not images: 3 .txt; "
        "hidden or system files: 12; links to what is read elsewhere: 4 (a, b, c, ...)"
    )
