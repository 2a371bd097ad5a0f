"""An image folder with planted duplicates, broken files and a link loop, reported exactly."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from tests.data.audit.conftest import N_TEST, N_TRAIN, reencode

Cnncompare = Callable[..., subprocess.CompletedProcess[str]]
QUALITIES = (95, 90, 85, 80, 75, 70, 65, 60, 55, 50)


def plant(root: Path) -> set[str]:
    """Plant 40 duplicates, 20 of them re-encoded, 7 broken files and links; return the broken."""
    train, test = root / "train" / "bird", root / "test" / "bird"
    for number, quality in enumerate(QUALITIES):
        original = train / f"{number:03}.jpg"
        shutil.copy(original, train / f"copy{number}.jpg")
        with Image.open(train / f"{number + 10:03}.jpg") as image:  # the same pixels, other bytes
            image.save(test / f"copy{number}.png")
        within, between = (train / f"{number + start:03}.jpg" for start in (20, 30))
        (train / f"again{number}.jpg").write_bytes(reencode(within, quality))
        (test / f"again{number}.jpg").write_bytes(reencode(between, quality))
    (train / "loop").symlink_to(root, target_is_directory=True)
    (train / "up").symlink_to("..", target_is_directory=True)
    return break_files(root, (train / "050.jpg").read_bytes())


def break_files(root: Path, content: bytes) -> set[str]:
    """Write 7 files that are no images or only the beginning of one; return their paths."""
    broken = {
        "train/bird/000-first.jpg": b"",
        "train/bird/text.jpg": b"<html>404 not found</html>",
        "train/bird/half.jpg": content[: len(content) // 2],
        "train/frog/header.jpg": content[:20],
        "train/frog/zeros.png": bytes(500),
        "test/frog/signature.png": b"\x89PNG\r\n\x1a\n",
        "test/frog/overwritten.jpg": b"\x00" * 100 + content[100:],
    }
    for name, wrong in broken.items():
        (root / name).write_bytes(wrong)
    return {str(root / name) for name in broken}


def test_planted_faults_are_reported_exactly(
    cnncompare: Cnncompare, cifar_tree: Path, tmp_path: Path
) -> None:
    broken = plant(cifar_tree)
    done = cnncompare("data", "data=folder", f"data.root={cifar_tree}", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["identical_within"] == 10
    assert found["identical_between_splits"] == found["test_images_in_train"] == 10
    assert found["near_within"] == 10
    assert found["near_between_splits"] == found["test_images_near_train"] == 10
    assert sorted(found["unreadable"]) == sorted(broken)
    assert found["splits"] == {
        "train": {
            "n": 2 * N_TRAIN + 25,
            "per_class": {"bird": N_TRAIN + 23, "frog": N_TRAIN + 2},
        },
        "val": None,
        "test": {"n": 2 * N_TEST + 22, "per_class": {"bird": N_TEST + 20, "frog": N_TEST + 2}},
    }
    assert (tmp_path / "audit.png").is_file()


def test_the_pairs_name_original_and_repetition(cnncompare: Cnncompare, cifar_tree: Path) -> None:
    plant(cifar_tree)
    done = cnncompare("data", "--json", "data=folder", f"data.root={cifar_tree}")
    pairs = json.loads(done.stdout)["pairs"]
    train, test = cifar_tree / "train" / "bird", cifar_tree / "test" / "bird"
    expected = [[str(train / f"{n + 10:03}.jpg"), str(test / f"copy{n}.png")] for n in range(10)]
    assert sorted(pairs["identical_between_splits"]) == expected
    near = {tuple(pair) for pair in pairs["near_between_splits"]}
    assert near == {
        (str(train / f"{n + 30:03}.jpg"), str(test / f"again{n}.jpg")) for n in range(10)
    }


def test_the_untouched_images_have_no_findings(cnncompare: Cnncompare, cifar_tree: Path) -> None:
    done = cnncompare("data", "data=folder", f"data.root={cifar_tree}", "--json")
    found = json.loads(done.stdout)
    keys = ("identical_within", "identical_between_splits", "near_within", "near_between_splits")
    assert [found[key] for key in keys] == [0, 0, 0, 0]
    assert found["unreadable"] == []
