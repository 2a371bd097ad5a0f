"""The commands and the Python lines of the tutorial on own photos, run in order on photos."""

import csv
import glob
import json
import re
import shlex
import subprocess
import sys
import tarfile
from collections.abc import Callable
from io import BytesIO
from itertools import cycle
from pathlib import Path

import pytest
from PIL import Image

from cnncompare import cli
from tests.conftest import HAS_SOURCES, ROOT
from tests.report.conftest import no_figures

__all__ = ["no_figures"]

Call = Callable[..., subprocess.CompletedProcess[str]]
CLASSES = ("cat", "dog", "frog", "horse")
COLOURS = dict(zip(CLASSES, ("red", "blue", "yellow", "gray"), strict=True))
SHAPES = ((96, 96), (120, 96), (72, 96))  # width, height
PAGE = ROOT / "docs" / "tutorials" / "own-photos.md"

pytestmark = pytest.mark.skipif(not HAS_SOURCES, reason="the documentation is not installed")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)


def commands() -> list[list[str]]:
    """Return the arguments of each documented command."""
    lines = [line for block in blocks("bash") for line in block.splitlines()]
    split = [shlex.split(line) for line in lines]
    assert all(words[:3] == ["python", "-m", "cnncompare"] for words in split)
    return [words[3:] for words in split]


def expanded(words: list[str]) -> list[str]:
    """Return the arguments with file names for each pattern, as a shell passes them."""
    return [name for word in words for name in (sorted(glob.glob(word)) or [word])]


@pytest.fixture(scope="module")
def images_by_class(shared_data: Path) -> dict[str, list[Image.Image]]:
    """Return 103 real images of each class, from the training images of CIFAR-10."""
    found: dict[str, list[Image.Image]] = {name: [] for name in CLASSES}
    with tarfile.open(shared_data / "cifar10-jpeg.tar.xz") as archive:
        for member in archive:
            name = Path(member.name).parent.name
            if member.isfile() and len(found.get(name, [None] * 103)) < 103:
                content = archive.extractfile(member)
                assert content is not None
                found[name].append(Image.open(BytesIO(content.read())).convert("RGB"))
            if all(len(images) == 103 for images in found.values()):
                break
    return found


def write_photos(
    images_by_class: dict[str, list[Image.Image]], folder: Path, n: int, tint: float = 0.0
) -> None:
    """Write n photos of each class in several shapes, and ten others.

    With a `tint`, each class has a colour of its own, which is learned from a few photos.
    """
    others = []
    for name, images in images_by_class.items():
        (folder / "photos" / name).mkdir(parents=True)
        sized = [
            Image.blend(image, Image.new("RGB", image.size, COLOURS[name]), tint).resize(shape)
            for image, shape in zip(images, cycle(SHAPES), strict=False)
        ]
        for number, photo in enumerate(sized[:n]):
            photo.save(folder / "photos" / name / f"{number:03}.jpg", quality=95)
        others += sized[100:]
    (folder / "new-photos").mkdir()
    for number, photo in enumerate(others[:10]):
        photo.save(folder / "new-photos" / f"{number}.jpg", quality=95)


def check_page(folder: Path, cnncompare: Call, *small: str) -> None:
    """Run the page in `folder`; `small` are overrides of the data and the training."""
    audit, sweep, report, predict, export = commands()
    assert [audit[0], sweep[0], report[0], predict[0], export[0]] == [
        *("data", "-m", "report", "predict", "export")
    ]
    assert cli.run(audit) == 0
    done = cnncompare(*sweep, *small, "data.cache_dir=cache", cwd=folder, timeout=1500)
    assert done.returncode == 0, done.stderr
    assert "3 finished" in done.stdout
    assert "cnncompare report outputs/photos" in done.stdout
    assert "cnncompare predict outputs/photos" in done.stdout
    assert cli.run(report) == 0
    assert (folder / "outputs" / "photos" / "report.html").exists()
    assert cli.run([*predict, "--csv", "answers.csv"]) == 0
    assert "base64" in (folder / "new-photos.html").read_text()
    assert cli.run(expanded(export)) == 0
    assert "Top-1 on the test images" in (folder / "photos.onnx.md").read_text()


def answers_of(folder: Path, model: str) -> dict[str, str]:
    """Return the class of each new photo, as `predict` answered with one network."""
    with (folder / "answers.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["model"] == model]
    return {Path(row["image"]).name: row["class"] for row in rows if row["rank"] == "1"}


def without_cnncompare(folder: Path, **small: str) -> dict[str, str]:
    """Run the page's Python lines where neither cnncompare nor torch can be imported."""
    (code,) = blocks("python")
    assert len([line for line in code.splitlines() if line.strip()]) == 10
    for documented, used in small.items():
        code = code.replace(documented, used)
    refused = "import sys; sys.modules['torch'] = sys.modules['cnncompare'] = None\n"
    done = subprocess.run(
        [sys.executable, "-c", refused + code],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(line.split() for line in done.stdout.splitlines())


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_few_photos(
    tmp_path: Path,
    images_by_class: dict[str, list[Image.Image]],
    cnncompare: Call,
    monkeypatch: pytest.MonkeyPatch,
    no_figures: None,
) -> None:
    """Run the whole page with 25 photos of each class, three epochs and a quarter of the pixels."""
    monkeypatch.chdir(tmp_path)
    write_photos(images_by_class, tmp_path, 25, tint=0.5)
    check_page(tmp_path, cnncompare, "trainer.max_epochs=3", "data.image_size=32")
    expected = answers_of(tmp_path, "quicknet")
    assert len(expected) == 10
    assert without_cnncompare(tmp_path, **{"(64, 64)": "(32, 32)"}) == expected


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_four_hundred_photos(
    tmp_path: Path,
    images_by_class: dict[str, list[Image.Image]],
    cnncompare: Call,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_photos(images_by_class, tmp_path, 100)
    check_page(tmp_path, cnncompare)
    expected = answers_of(tmp_path, "quicknet")
    assert without_cnncompare(tmp_path) == expected
    assert len(set(expected.values())) > 1  # it has learned something
    paths = list((tmp_path / "outputs" / "photos").glob("*/run.json"))
    records = [json.loads(path.read_text()) for path in paths]
    assert {record["test"]["n"] for record in records} == {80}
    assert max(record["test"]["acc1"] for record in records) > 0.35  # chance is 0.25
