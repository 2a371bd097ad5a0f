"""The command `data`: its outputs, its contact sheet and its messages."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cnncompare.data.audit.command import main
from cnncompare.data.audit.contact_sheet import PER_CLASS
from cnncompare.errors import ConfigError, DataError, OutputError
from tests.data.conftest import MakeTree

SYNTHETIC = ["data=synthetic", "data.synthetic.n_train=40", "data.synthetic.n_test=20"]


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def audited(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """Return a function that runs the command with --json and returns its object."""

    def run(*arguments: str) -> dict[str, Any]:
        assert main([*arguments, "--json"]) == 0
        found: dict[str, Any] = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
        return found

    return run


def test_images_in_memory_are_counted_per_class_and_split(
    audited: Callable[..., dict[str, Any]],
) -> None:
    found = audited(*SYNTHETIC)
    assert (found["name"], found["classes"]) == ("synthetic", 10)
    names = [f"pattern{number}" for number in range(10)]
    assert found["splits"] == {
        "train": {"n": 40, "per_class": dict.fromkeys(names, 4)},
        "val": None,
        "test": {"n": 20, "per_class": dict.fromkeys(names, 2)},
    }
    assert found["sizes"] == {"32x32": 60}
    assert found["modes"] == {"RGB": 60}
    assert found["unreadable"] == []


def test_sizes_modes_and_imbalance_of_files(
    audited: Callable[..., dict[str, Any]], make_tree: MakeTree
) -> None:
    folders = {"train/cat": [(20, 16)] * 6, "train/dog": [(8, 8)] * 2}
    root = make_tree(folders | {"test/cat": [(8, 8)], "test/dog": [(20, 16)]})
    Image.open(root / "train/dog/000.png").convert("L").save(root / "train/dog/000.png")
    found = audited("data=folder", f"data.root={root}", "data.name=pets")
    assert found["name"] == "pets"
    assert found["imbalance"] == 3.0
    assert found["sizes"] == {"20x16": 7, "8x8": 3}
    assert found["modes"] == {"RGB": 9, "L": 1}


def test_the_copy_of_an_image_in_another_class_is_counted(
    audited: Callable[..., dict[str, Any]], pets: Path
) -> None:
    (pets / "train/dog/copy.png").write_bytes((pets / "train/cat/000.png").read_bytes())
    found = audited("data=folder", f"data.root={pets}")
    assert found["identical_within"] == found["identical_with_other_class"] == 1
    assert found["test_images_in_train"] == 0


def test_copies_stay_in_one_split_if_the_splits_are_drawn(
    audited: Callable[..., dict[str, Any]], make_tree: MakeTree
) -> None:
    root = make_tree({kind: [(16, 16)] * 20 for kind in ("cat", "dog")})
    for kind in ("cat", "dog"):
        for number in range(5):
            content = (root / kind / f"{number:03}.png").read_bytes()
            (root / kind / f"copy{number}.png").write_bytes(content)
    (root / "dog" / "broken.png").write_bytes(b"")
    found = audited("data=folder", f"data.root={root}", "data.cache_dir=cache")
    assert sum(split["n"] for split in found["splits"].values()) == 51
    assert found["identical_between_splits"] == 0
    assert found["identical_within"] == 10
    assert found["unreadable"] == [str(root / "dog" / "broken.png")]


def test_the_text_leads_with_the_leak(
    capsys: pytest.CaptureFixture[str], pets: Path, tmp_path: Path
) -> None:
    (pets / "test/cat/copy.png").write_bytes((pets / "train/cat/000.png").read_bytes())
    (pets / "train/cat/broken.png").write_bytes(b"no image")
    assert main(["data=folder", f"data.root={pets}"]) == 0
    text = capsys.readouterr().out
    first = next(line for line in text.splitlines() if line.startswith(("leak", "duplicates")))
    assert "1 of 7 test images (14.3 %) is also a training image" in first
    assert f"1 unreadable file\n{'':13}{pets}/train/cat/broken.png\n" in text
    assert text.endswith(f"{tmp_path}/audit.png\n")


def test_a_large_imbalance_names_its_classes_and_the_metric(
    capsys: pytest.CaptureFixture[str], make_tree: MakeTree
) -> None:
    folders = {"train/cat": [(8, 8)] * 6, "train/dog": [(8, 8)] * 3}
    root = make_tree(folders | {"test/cat": [(8, 8)], "test/dog": [(8, 8)]})
    assert main(["data=folder", f"data.root={root}"]) == 0
    (line,) = (s for s in capsys.readouterr().out.splitlines() if "--metric balanced" in s)
    assert "class cat has 6 training images, 2.0 times the 3 of dog" in line
    (root / "train/cat/000.png").unlink()
    assert main(["data=folder", f"data.root={root}"]) == 0
    assert "--metric" not in capsys.readouterr().out


def test_the_contact_sheet_shows_the_images_of_each_class(tmp_path: Path, pets: Path) -> None:
    for number in range(10):
        Image.new("RGB", (30, 10), "red").save(pets / f"train/cat/{number:03}.png")
        Image.new("RGB", (10, 30), "blue").save(pets / f"train/dog/{number:03}.png")
    assert main(["data=folder", f"data.root={pets}", "--sheet", "my sheet.png"]) == 0
    assert not (tmp_path / "audit.png").exists()
    pixels = np.asarray(Image.open(tmp_path / "my sheet.png"))
    cats, dogs = np.split(pixels.astype(int), 2)
    n_red = (cats == (255, 0, 0)).all(axis=2).sum()
    n_blue = (dogs == (0, 0, 255)).all(axis=2).sum()
    shown = PER_CLASS - 1  # numbers 0, 1, 3, 4, 6, 8, 9 and 11 of 13; the last is a test image
    assert n_red == n_blue == shown * 96 * 32


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["data=digitz"], ConfigError, "unknown data 'digitz'; did you mean 'digits'"),
        (["data=digits", "--jsn"], ConfigError, "--jsn"),
        (["data=digits", "-m"], ConfigError, "-m"),
        (["data=digits", "--sheet", "a.txt"], ConfigError, "must end in .png"),
        (["data=digits", "--sheet", "none/a.png"], OutputError, "there is no folder"),
        (["data=folder"], ConfigError, "needs data.root=PATH"),
        (["data=folder", "data.root=none"], DataError, "is not a folder"),
    ],
)
def test_a_mistake_is_answered_in_one_line_and_nothing_is_written(
    arguments: list[str], error: type[Exception], message: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message) as raised:
        main(arguments)
    assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_help_lists_the_options(
    cnncompare: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = cnncompare("data", "--help")
    assert done.returncode == 0
    assert "--sheet FILE" in done.stdout
    assert "--json" in done.stdout


def test_names_that_are_not_utf8_are_reported(
    cnncompare: Callable[..., subprocess.CompletedProcess[str]], pets: Path
) -> None:
    name = bytes(pets / "train/cat") + b"/bad\xff.png"
    Path(name.decode(errors="surrogateescape")).write_bytes(b"")
    for options in ([], ["--json"]):
        done = cnncompare("data", "data=folder", f"data.root={pets}", *options)
        assert done.returncode == 0, done.stderr
        assert "udcff.png" in done.stdout
