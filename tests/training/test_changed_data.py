"""The same command on changed data, from the command line and from Python."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnncompare.config.schema import Config
from cnncompare.errors import DataError
from cnncompare.runs.run import DATA_FILES, Run
from cnncompare.training.changed_data import check_data_unchanged
from cnncompare.training.train import train
from tests.composing import compose_config

Call = Callable[..., subprocess.CompletedProcess[str]]


def write_tree(root: Path) -> Path:
    draws = np.random.default_rng(0)
    for split, n in (("train", 12), ("test", 6)):
        for label, kind in enumerate(("cat", "dog")):
            folder = root / split / kind
            folder.mkdir(parents=True)
            for number in range(n):
                pixels = draws.integers(0, 120, (32, 32, 3)) + 100 * label
                Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number:03}.png")
    return root


def arguments(folder: Path) -> list[str]:
    return [
        *("data=folder", f"data.root={folder / 'x'}", "data.image_size=32"),
        *("data.val_fraction=0.25", "data.batch_size=4", "model=lenet5", "trainer.max_epochs=1"),
        *("trainer.threads=1", "trainer.accelerator=cpu", "logger=[]", "data.workers=0"),
        *(f"data.cache_dir={folder / 'cache'}", f"output_root={folder / 'outputs'}"),
    ]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    """Return a folder with images, x, and their finished run; tests copy the former."""
    folder = tmp_path_factory.mktemp("finished")
    write_tree(folder / "x")
    return folder, train(compose_config(*arguments(folder)))


@pytest.fixture
def images(finished: tuple[Path, Run]) -> Iterator[Path]:
    """Return the images of the finished run, and restore them afterwards."""
    root = finished[0] / "x"
    shutil.copytree(root, root.with_name("kept"))
    yield root
    shutil.rmtree(root, ignore_errors=True)
    root.with_name("kept").rename(root)


def snapshot(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and ".locks" not in path.parts)
    return {str(path): path.read_bytes() for path in files}


def add_images(root: Path) -> None:
    for number in range(6):
        shutil.copy(root / "test/dog/000.png", root / f"test/dog/9{number}.png")


def test_the_command_line_refuses_to_show_a_result_of_other_images(
    finished: tuple[Path, Run], images: Path, cnncompare: Call
) -> None:
    folder, run = finished
    before = snapshot(folder / "outputs")
    add_images(images)
    for words in ([], ["-m", "seed=0,1"]):
        done = cnncompare(*words, *arguments(folder))
        assert done.returncode == 2
        assert done.stderr.startswith(
            "cnncompare: the images changed since that run (12 test images then, 18 now); "
            f"force=true trains anew and keeps the old record: {run.folder}"
        )
        assert len(done.stderr.splitlines()) == 1
    assert snapshot(folder / "outputs") == before


def test_the_result_is_shown_with_a_note_after_the_images_were_deleted(
    finished: tuple[Path, Run], images: Path, cnncompare: Call
) -> None:
    shutil.rmtree(images)
    done = cnncompare(*arguments(finished[0]))
    assert done.returncode == 0
    assert "already finished" in done.stdout
    assert done.stderr == (
        f"cnncompare: note: data.root={images} no longer holds the data of this run\n"
    )


def config_of(finished: tuple[Path, Run], *overrides: str) -> Config:
    return compose_config(*arguments(finished[0]), *overrides)


def test_python_refuses_too_and_force_trains_anew(
    finished: tuple[Path, Run], images: Path, tmp_path: Path
) -> None:
    root = str(tmp_path / "outputs")
    shutil.copytree(finished[0] / "outputs", root)
    old = config_of(finished, f"output_root={root}").run_folder()
    fingerprint = Run.read(old).record.data.fingerprint
    path = images / "test/cat/000.png"
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(path)
    with pytest.raises(DataError, match=r"1 file with other content: test/cat/000\.png"):
        train(config_of(finished, f"output_root={root}"))
    run = train(config_of(finished, f"output_root={root}", "force=true"))
    assert run.record.data.fingerprint != fingerprint
    assert len(list(Path(root).rglob(".replaced/*/run.json"))) == 1
    assert check_data_unchanged(config_of(finished, f"output_root={root}")) == ""


@pytest.mark.parametrize(("status", "refused"), [("interrupted", True), ("failed", False)])
def test_only_a_run_that_starts_anew_accepts_changed_images(
    finished: tuple[Path, Run], images: Path, tmp_path: Path, status: str, refused: bool
) -> None:
    root = tmp_path / "outputs"
    shutil.copytree(finished[0] / "outputs", root)
    config = config_of(finished, f"output_root={root}")
    record = json.loads((config.run_folder() / "run.json").read_text())
    record |= {"status": status, "error": {"type": "ValueError", "message": "broken"}}
    (config.run_folder() / "run.json").write_text(json.dumps(record))
    add_images(images)
    if refused:
        with pytest.raises(DataError, match="12 test images then, 18 now"):
            check_data_unchanged(config)
    else:
        assert check_data_unchanged(config) == ""


def test_runs_of_earlier_versions_recorded_no_files(
    finished: tuple[Path, Run], images: Path, tmp_path: Path
) -> None:
    root = tmp_path / "outputs"
    shutil.copytree(finished[0] / "outputs", root)
    config = config_of(finished, f"output_root={root}")
    (config.run_folder() / DATA_FILES).unlink()
    add_images(images)
    assert check_data_unchanged(config) == ""


def test_conversions_are_recorded_and_logged(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "x")
    values = (np.arange(1024).reshape(32, 32) * 4).astype(np.uint16)
    Image.fromarray(values).save(root / "test/cat/000.png")
    run = train(compose_config(*arguments(tmp_path)))
    content = json.loads((run.folder / "run.json").read_text())["data"]
    assert content["conversions"] == {"16-bit": 1}
    assert content["pixel_ranges"] == {"16-bit": 4095}
    assert "1 of 36 images have 16-bit pixels, scaled from 0 to 4095" in (
        run.folder / "run.log"
    ).read_text(encoding="utf-8")
