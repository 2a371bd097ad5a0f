"""Image folders: read correctly, decoded once, rejected with the name of the fault."""

import hashlib
import os
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.model_selection import StratifiedShuffleSplit
from torchvision.datasets.folder import IMG_EXTENSIONS

from cnncompare.config.data import IMAGE_SUFFIXES, AugmentConfig
from cnncompare.data import cache, identical
from cnncompare.data.module import ImageData
from cnncompare.data.pixels import RULES_VERSION
from cnncompare.data.split_table import SplitRow, format_split_table
from cnncompare.errors import DataError
from tests.data.conftest import MakeData, MakeTree


def pixels_of(path: Path) -> np.ndarray:
    return np.moveaxis(np.asarray(Image.open(path).convert("RGB")), 2, 0)


def test_images_and_labels_are_those_of_the_files(pets: Path, folder_data: MakeData) -> None:
    data = folder_data(pets)
    assert data.classes == ["cat", "dog"]
    assert data.image_shape == (3, 16, 20)
    assert (data.n_train, data.n_val, data.n_test) == (18, 2, 6)
    assert data.test_labels.tolist() == [0, 0, 0, 1, 1, 1]
    files = sorted((pets / "test").glob("*/*.png"))
    for image, file in zip(data.test_images(range(6)), files, strict=True):
        np.testing.assert_array_equal(image.numpy(), pixels_of(file))


def test_cached_images_equal_images_decoded_by_workers(
    make_tree: MakeTree, folder_data: MakeData
) -> None:
    sizes = [(20, 16), (33, 50), (24, 24), (90, 31)] * 3
    root = make_tree({f"{split}/{kind}": sizes for split in ("train", "test") for kind in "abc"})
    changes = {"image_size": 24, "augment": AugmentConfig(crop_padding=3, flip=True)}
    cached = folder_data(root, **changes)
    lazy = folder_data(root, **changes, cache_limit_gib=0.0, workers=2)
    assert isinstance(cached._splits.train.images, torch.Tensor)
    assert not isinstance(lazy._splits.train.images, torch.Tensor)
    assert (cached.mean, cached.std) == (lazy.mean, lazy.std)
    assert cached.fingerprint == lazy.fingerprint
    state = torch.get_rng_state()
    for loader in ("train_dataloader", "val_dataloader", "test_dataloader"):
        ours, theirs = getattr(cached, loader)(), getattr(lazy, loader)()
        for one, other in zip(ours, theirs, strict=True):
            assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    assert torch.equal(torch.get_rng_state(), state)


def test_the_cache_is_reused_until_a_file_changes(
    pets: Path, folder_data: MakeData, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder_data(pets)
    writes = []
    write = cache._write
    monkeypatch.setattr(cache, "_write", lambda *all: (writes.append(1), write(*all)))
    folder_data(pets)
    assert not writes
    changed = pets / "test" / "cat" / "000.png"
    Image.new("RGB", (20, 16), "red").save(changed)
    data = folder_data(pets)
    assert writes == [1]
    np.testing.assert_array_equal(data.test_images([0])[0].numpy(), pixels_of(changed))


def test_cache_file_names_are_stable(pets: Path, folder_data: MakeData, tmp_path: Path) -> None:
    """Caches remain valid for the same settings, until a rule for pixels changes."""
    folder_data(pets)
    folder_data(pets, image_size=16)
    folder_data(pets, image_size=16, resize=16, interpolation="bilinear")
    files = [file for split in ("train", "test") for file in sorted(pets.glob(f"{split}/*/*.png"))]
    expected = set()
    for options in ((3, 16, 20, None), (3, 16, 16, 16)):
        key = (str(pets), options, "pixels", RULES_VERSION)
        digest = hashlib.sha256(repr(key).encode())
        for file in files:
            state = file.stat()
            name = file.relative_to(pets).as_posix()
            digest.update(repr((name, state.st_size, state.st_mtime_ns)).encode())
        expected.add(f"{digest.hexdigest()[:32]}.npy")
    assert {file.name for file in (tmp_path / "cache").glob("*.npy")} == expected


def test_a_corrupt_cache_is_rebuilt(pets: Path, folder_data: MakeData, tmp_path: Path) -> None:
    first = folder_data(pets).test_images(range(6))
    (file,) = (tmp_path / "cache").glob("*.npy")
    file.write_bytes(file.read_bytes()[:500])
    assert torch.equal(folder_data(pets).test_images(range(6)), first)


def test_several_processes_decode_the_same_images(
    pets: Path, folder_data: MakeData, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    alone: Any = folder_data(pets)._splits.train.images.clone()
    shutil.rmtree(tmp_path / "cache")
    monkeypatch.setattr(cache, "_SINGLE_PROCESS_BYTES", 0)
    monkeypatch.setattr(cache, "_CHUNK", 7)  # 26 images: the last chunk is smaller
    together: Any = folder_data(pets, workers=2)._splits.train.images
    assert torch.equal(together, alone)


def test_a_folders_validation_split_is_used(make_tree: MakeTree, folder_data: MakeData) -> None:
    root = make_tree(
        {f"{split}/{kind}": [(8, 8)] * 4 for split in ("train", "val", "test") for kind in "ab"}
    )
    data = folder_data(root)
    assert (data.n_train, data.n_val, data.n_test) == (8, 8, 8)
    rows = data._splits.val.rows.tolist()
    assert all(data._splits.val.keys[row].startswith(b"val/") for row in rows)


def test_the_fingerprint_is_of_the_test_files_names_and_content(
    pets: Path, folder_data: MakeData
) -> None:
    first = folder_data(pets).fingerprint
    assert folder_data(pets, image_size=8, limit_train=6).fingerprint == first
    os.utime(pets / "test" / "cat" / "000.png", (1, 1))
    (pets / "train" / "cat" / "000.png").unlink()
    assert folder_data(pets).fingerprint == first
    image = pets / "test" / "dog" / "000.png"
    content = image.read_bytes()
    image.write_bytes(content + b"0")
    os.truncate(image, len(content))
    assert folder_data(pets).fingerprint == first
    image.write_bytes(b"\0" + content[1:])
    assert folder_data(pets, on_corrupt_image="skip").fingerprint != first
    image.write_bytes(content)
    (pets / "test" / "cat" / "000.png").rename(pets / "test" / "cat" / "009.png")
    assert folder_data(pets).fingerprint != first


def test_one_channel_on_request(pets: Path, folder_data: MakeData) -> None:
    data = folder_data(pets, channels=1)
    assert data.image_shape == (1, 16, 20)
    expected = np.asarray(Image.open(pets / "test" / "cat" / "000.png").convert("L"))
    np.testing.assert_array_equal(data.test_images([0])[0, 0].numpy(), expected)


def test_other_files_are_ignored_and_counted(
    pets: Path, folder_data: MakeData, caplog: pytest.LogCaptureFixture
) -> None:
    (pets / "train" / "cat" / "notes.txt").write_text("fluffy")
    (pets / "train" / ".hidden").mkdir()
    assert folder_data(pets).n_train == 18
    assert "ignored files that are not images: 1 .txt" in caplog.text


def test_images_in_folders_below_a_class_belong_to_it(pets: Path, folder_data: MakeData) -> None:
    (pets / "train" / "cat" / "more").mkdir()
    (pets / "train" / "cat" / "000.png").rename(pets / "train" / "cat" / "more" / "000.png")
    assert folder_data(pets).n_train == 18


def break_by(root: Path, what: str) -> None:
    train, test = root / "train", root / "test"
    match what:
        case "no root":
            shutil.rmtree(root)
        case "no test":
            shutil.rmtree(test)
        case "empty class":
            for file in (train / "dog").iterdir():
                file.unlink()
        case "class not in test":
            shutil.rmtree(test / "dog")
        case "class not in train":
            shutil.copytree(test / "dog", test / "fox")
        case "class not in val":
            shutil.copytree(train / "dog", root / "val" / "dog")
        case "one class":
            shutil.rmtree(train / "dog")
            shutil.rmtree(test / "dog")
        case "truncated":
            (test / "cat" / "001.png").write_bytes((test / "cat" / "001.png").read_bytes()[:300])
        case "sizes differ":
            Image.new("RGB", (8, 8)).save(train / "dog" / "005.png")
        case "dangling link":
            (train / "cat" / "link.png").symlink_to(root / "nowhere.png")


@pytest.mark.parametrize("limit_gib", [4.0, 0.0])
@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("no root", r"data\.root=.*images is not a folder; set one that contains train/ and test/"),
        ("no test", r"has no folder test/ \(it has: train\)"),
        ("empty class", r"class folder .*train/dog contains no image"),
        ("class not in test", r"class 'dog' is in train/ but not in test/"),
        ("class not in train", r"class 'fox' is in test/ but not in train/"),
        ("class not in val", r"class 'cat' is in train/ but not in val/"),
        ("one class", r"train has 1 class folders; at least 2 are needed"),
        ("sizes differ", r"cat/000\.png has 20x16, .*dog/005\.png has 8x8; .*data\.image_size=224"),
        ("dangling link", r"link\.png cannot be read \(No such file"),
    ],
)
def test_faults_in_the_folder_are_named(
    pets: Path, folder_data: MakeData, tmp_path: Path, what: str, message: str, limit_gib: float
) -> None:
    break_by(pets, what)
    with pytest.raises(DataError, match=message) as caught:
        folder_data(pets, cache_limit_gib=limit_gib, workers=0)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("cache/*.npy")) + list(tmp_path.glob("cache/*.tmp"))


@pytest.mark.parametrize("threshold_bytes", [2**22, 0])
def test_a_truncated_image_is_named_and_leaves_no_cache(
    pets: Path,
    folder_data: MakeData,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    threshold_bytes: int,
) -> None:
    monkeypatch.setattr(cache, "_SINGLE_PROCESS_BYTES", threshold_bytes)  # 0: in another process
    break_by(pets, "truncated")
    with pytest.raises(DataError, match=r"test/cat/001\.png cannot be read \(.*truncated"):
        folder_data(pets, workers=2)
    assert not list(tmp_path.glob("cache/*.npy")) + list(tmp_path.glob("cache/*.tmp"))


def test_a_truncated_image_is_named_by_a_worker_in_one_line(
    pets: Path, folder_data: MakeData
) -> None:
    data = folder_data(pets, cache_limit_gib=0.0, workers=1)
    break_by(pets, "truncated")
    with pytest.raises(DataError, match=r"^/.*test/cat/001\.png cannot be read") as caught:
        list(data.test_dataloader())
    assert "\n" not in str(caught.value)


def test_an_invalid_limit_is_rejected_before_decoding(
    pets: Path, folder_data: MakeData, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=r"data\.limit_train=100 exceeds the 18 images"):
        folder_data(pets, limit_train=100)
    assert not (tmp_path / "cache").exists()


def test_an_unwritable_cache_folder_is_named(
    pets: Path, folder_data: MakeData, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"data\.cache_dir=.*file/below cannot store .*limit_gib=0"):
        folder_data(pets, cache_dir=str(tmp_path / "file" / "below"))


def test_a_full_disk_is_reported_before_decoding(
    pets: Path, folder_data: MakeData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "cnncompare.data.cache.shutil.disk_usage", lambda _: shutil._ntuple_diskusage(9, 9, 0)
    )
    with pytest.raises(DataError, match=r"0\.00 GiB are needed, 0\.00 GiB are free"):
        folder_data(pets)


def test_the_image_suffixes_include_torchvisions() -> None:
    assert set(IMAGE_SUFFIXES) > set(IMG_EXTENSIONS)


def test_a_link_to_the_split_adds_no_images(pets: Path, folder_data: MakeData) -> None:
    (pets / "train" / "cat" / "up").symlink_to("..")
    data = folder_data(pets)
    assert (data.n_train, data.n_val, data.n_test) == (18, 2, 6)
    assert data.ignored_files == {"link": 1}


def test_copies_in_a_hidden_folder_are_no_images(pets: Path, folder_data: MakeData) -> None:
    (pets / "train" / "cat" / ".ipynb_checkpoints").mkdir()
    for file in (pets / "train" / "cat").glob("*.png"):
        shutil.copy(file, file.parent / ".ipynb_checkpoints" / f"{file.stem}-checkpoint.png")
    (pets / "train" / "cat" / "._000.png").write_bytes(b"\0\5\26\7")
    data = folder_data(pets)
    assert (data.n_train, data.n_val, data.n_test) == (18, 2, 6)
    assert data.ignored_files == {"hidden": 11}


@pytest.mark.parametrize("name", ["valid", "Validation", "dev"])
def test_a_validation_folder_of_another_name_is_used(
    pets: Path, folder_data: MakeData, name: str
) -> None:
    shutil.copytree(pets / "test", pets / name)
    data = folder_data(pets)
    assert (data.n_train, data.n_val, data.n_test) == (20, 6, 6)


@pytest.mark.parametrize("limit_gib", [4.0, 0.0])
def test_file_names_that_are_not_utf8_are_read(
    pets: Path, folder_data: MakeData, limit_gib: float
) -> None:
    for split in ("train", "test"):
        folder = os.fsencode(pets / split / "cat")
        os.rename(folder + b"/000.png", folder + b"/bad\xff\xe9.png")
    data = folder_data(pets, cache_limit_gib=limit_gib)
    assert (data.n_train, data.n_val, data.n_test) == (18, 2, 6)
    names = [data.test_image_name(position) for position in range(3)]
    assert names == ["test/cat/001.png", "test/cat/002.png", "test/cat/bad\ufffd\ufffd.png"]


def test_a_corrupt_image_with_such_a_name_gives_a_printable_message(
    pets: Path, folder_data: MakeData
) -> None:
    (pets / "test" / "cat" / os.fsdecode(b"bad\xff.png")).write_bytes(b"no image")
    with pytest.raises(DataError, match=r"bad\\udcff\.png cannot be read") as caught:
        folder_data(pets)
    str(caught.value).encode()


def test_jpeg_files_of_other_suffixes_are_read_and_other_formats_are_counted(
    pets: Path, folder_data: MakeData, caplog: pytest.LogCaptureFixture
) -> None:
    files = sorted((pets / "train" / "cat").glob("*.png"))
    for file in files[:5]:
        Image.open(file).save(file.with_suffix(".jfif"), "JPEG")
        file.unlink()
    for file in files[5:7]:
        file.rename(file.with_suffix(".HEIC"))
    data = folder_data(pets)
    assert (data.n_train, data.n_val, data.n_test) == (16, 2, 6)
    assert data.ignored_files == {".heic": 2}
    assert "image formats that are not read (convert them to JPEG or PNG): 2 .heic" in caplog.text


@pytest.fixture
def unsplit(make_tree: MakeTree) -> Path:
    """Return the root of two class folders, 60 and 40 images, without splits."""
    return make_tree({"cat": [(8, 8)] * 60, "dog": [(8, 8)] * 40})


def rows_of(data: ImageData) -> dict[str, str]:
    assert data.split_rows is not None
    return {row.file: row.split for row in data.split_rows}


def test_one_folder_of_classes_is_split_as_by_scikit_learn(
    unsplit: Path, folder_data: MakeData
) -> None:
    data = folder_data(unsplit, test_fraction=0.25, val_fraction=0.2)
    labels = np.array([row.label for row in data.split_rows])
    splits = np.array([row.split for row in data.split_rows])
    dummy = np.zeros(100)
    rest, test = next(
        StratifiedShuffleSplit(1, test_size=0.25, random_state=0).split(dummy, np.sort(labels))
    )
    train, val = next(
        StratifiedShuffleSplit(1, test_size=0.2, random_state=0).split(
            dummy[rest], np.sort(labels)[rest]
        )
    )
    assert (data.n_train, data.n_val, data.n_test) == (len(train), len(val), len(test))
    for split, members in (("test", test), ("train", rest[train]), ("val", rest[val])):
        ours = Counter(labels[splits == split])
        assert ours == Counter(np.sort(labels)[members]), split
    assert sorted(rows_of(data)) == sorted(
        f"{k}/{n:03}.png" for k, m in (("cat", 60), ("dog", 40)) for n in range(m)
    )


def test_the_drawn_split_depends_on_the_split_seed_alone(
    unsplit: Path, folder_data: MakeData
) -> None:
    first = folder_data(unsplit)
    same = folder_data(unsplit, image_size=16, channels=1, limit_train=20, cache_limit_gib=0.0)
    assert rows_of(same) == rows_of(first)
    assert (same.n_train, same.fingerprint) == (20, first.fingerprint)
    assert rows_of(folder_data(unsplit, split_seed=1)) != rows_of(first)


def test_a_split_table_gives_the_same_splits_and_batches(
    unsplit: Path, folder_data: MakeData, tmp_path: Path
) -> None:
    drawn = folder_data(unsplit, split_seed=3)
    table = tmp_path / "split.csv"
    table.write_bytes(format_split_table(drawn.split_rows or []))
    given = folder_data(unsplit, split=str(table))
    assert given.split_rows == drawn.split_rows
    assert (given.fingerprint, given.mean, given.std) == (drawn.fingerprint, drawn.mean, drawn.std)
    for loader in ("train_dataloader", "val_dataloader", "test_dataloader"):
        for one, other in zip(getattr(drawn, loader)(), getattr(given, loader)(), strict=True):
            assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_folders_of_the_drawn_splits_give_the_same_batches(
    unsplit: Path, folder_data: MakeData, tmp_path: Path
) -> None:
    drawn = folder_data(unsplit)
    for file, split in rows_of(drawn).items():
        target = tmp_path / "divided" / {"val": "valid"}.get(split, split) / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(unsplit / file, target)
    divided = folder_data(tmp_path / "divided")
    assert divided.split_rows is None
    assert (divided.mean, divided.std) == (drawn.mean, drawn.std)
    for loader in ("train_dataloader", "val_dataloader", "test_dataloader"):
        for one, other in zip(getattr(drawn, loader)(), getattr(divided, loader)(), strict=True):
            assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("split_seed", range(5))
def test_identical_pixels_stay_in_one_split(
    unsplit: Path, folder_data: MakeData, split_seed: int
) -> None:
    """Copies, the same pixels in another format, and an image of two classes."""
    pairs = {}
    for number in range(10):
        original = unsplit / "cat" / f"{number:03}.png"
        copy = unsplit / "cat" / f"copy{number}.bmp"
        Image.open(original).save(copy)
        pairs[f"cat/{number:03}.png"] = f"cat/copy{number}.bmp"
    shutil.copy(unsplit / "cat" / "020.png", unsplit / "dog" / "both.png")
    pairs["cat/020.png"] = "dog/both.png"
    data = folder_data(unsplit, split_seed=split_seed)
    splits = rows_of(data)
    assert len(splits) == 111
    assert [one for one, other in pairs.items() if splits[one] != splits[other]] == []
    assert (data.n_test, data.n_val) == (22, 9)


def test_the_hashes_of_the_pixels_are_cached_until_a_file_changes(
    unsplit: Path, folder_data: MakeData, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder_data(unsplit)
    computed = []
    compute = identical._compute
    monkeypatch.setattr(identical, "_compute", lambda *all: (computed.append(1), compute(*all))[1])
    folder_data(unsplit, image_size=16)
    assert not computed
    shutil.copy(unsplit / "cat" / "000.png", unsplit / "dog" / "000.png")
    splits = rows_of(folder_data(unsplit))
    assert computed == [1, 1]  # of the images to divide, and of the test split
    assert splits["cat/000.png"] == splits["dog/000.png"]


def test_a_class_with_too_few_different_images_is_named(
    unsplit: Path, folder_data: MakeData
) -> None:
    (unsplit / "fox").mkdir()
    for number in range(4):
        shutil.copy(unsplit / "cat" / f"{number // 2:03}.png", unsplit / "fox" / f"{number}.png")
    for number in range(2):
        (unsplit / "cat" / f"{number:03}.png").unlink()
    with pytest.raises(DataError, match=r"class 'fox' has 2 different images, too few for train"):
        folder_data(unsplit)
    assert folder_data(unsplit, protocol="test_as_val").n_val > 0


def test_a_test_fraction_for_data_with_a_test_split_is_refused(
    pets: Path, folder_data: MakeData
) -> None:
    with pytest.raises(DataError, match=r"data\.test_fraction=0\.3 .* has one of 6 images"):
        folder_data(pets, test_fraction=0.3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "missing",
            r"4 images are not in the table \(cat/000.png, cat/001.png, cat/002.png, \.\.\.",
        ),
        ("extra", r"1 rows of the table have no image \(cat/none.png\)"),
        ("label", r"2 images have another label in the table \(cat/000.png, cat/001.png\)"),
        ("class", r"no image of class 'dog' in the val split"),
    ],
)
def test_a_split_table_that_does_not_fit_is_refused(
    unsplit: Path, folder_data: MakeData, tmp_path: Path, change: str, message: str
) -> None:
    rows = sorted(folder_data(unsplit).split_rows or [])
    match change:
        case "missing":
            rows = rows[4:]
        case "extra":
            rows.append(SplitRow("cat/none.png", "cat", "train"))
        case "label":
            rows[:2] = [row._replace(label="dog") for row in rows[:2]]
        case "class":
            rows = [row._replace(split="train") if row.label == "dog" else row for row in rows]
    (tmp_path / "split.csv").write_bytes(format_split_table(rows))
    with pytest.raises(DataError, match=message) as caught:
        folder_data(unsplit, split=str(tmp_path / "split.csv"))
    assert "\n" not in str(caught.value)
