"""The wheel and the sdist, as a release would have them: the wheel is built from the sdist."""

import email
import json
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pytest

import cnncompare
from tests.conftest import ROOT
from tests.installing import make_environment, run_installed

VERSION = cnncompare.__version__
IGNORED = ("__pycache__", ".pyc")


class Built(NamedTuple):
    wheel: Path
    sdist: Path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    dist = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--outdir", str(dist), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, timeout=280)
    (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    return Built(wheel, sdist)


@pytest.fixture(scope="module")
def unpacked(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the unpacked sdist, which is no git repository."""
    folder = tmp_path_factory.mktemp("sdist")
    with tarfile.open(built.sdist) as archive:
        archive.extractall(folder, filter="data")
    return folder / f"cnncompare-{VERSION}"


def test_both_have_the_one_version(built: Built, unpacked: Path) -> None:
    assert built.wheel.name == f"cnncompare-{VERSION}-py3-none-any.whl"
    assert built.sdist.name == f"cnncompare-{VERSION}.tar.gz"
    for metadata in (_metadata(built.wheel), (unpacked / "PKG-INFO").read_text()):
        assert email.message_from_string(metadata)["Version"] == VERSION


@pytest.mark.parametrize("name", ["LICENSE", "NOTICE"])
def test_both_carry_the_licence_and_the_notice(built: Built, unpacked: Path, name: str) -> None:
    text = (ROOT / name).read_bytes()
    assert (unpacked / name).read_bytes() == text
    with zipfile.ZipFile(built.wheel) as archive:
        assert archive.read(f"cnncompare-{VERSION}.dist-info/licenses/{name}") == text
    assert email.message_from_string(_metadata(built.wheel))["License-Expression"] == "MIT"


def test_the_sdist_has_every_file_of_the_repository_and_no_other(unpacked: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout, so that nothing says which files are the repository's")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    assert _files(unpacked) - {"PKG-INFO"} == {name for name in listed if (ROOT / name).is_file()}


def test_the_wheel_has_every_file_of_the_packages_and_the_configuration(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == _files(ROOT / "src") | {f"cnncompare/conf/{n}" for n in _files(ROOT / "conf")}


def test_the_makefile_of_the_sdist_finds_what_it_needs(unpacked: Path) -> None:
    for target in ("quickstart", "test", "test-slow", "docs", "coverage", "build"):
        run_installed("make", "--dry-run", target, cwd=unpacked)  # fails where a file is missing


@pytest.mark.slow
def test_the_tests_of_the_sdist_run_where_it_is_unpacked(unpacked: Path) -> None:
    """All are collected from its own sources, and those run that read its other files."""
    python = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    source = {"PYTHONPATH": str(unpacked / "src")}
    run_installed(*python, "--collect-only", "-m", "", cwd=unpacked, **source)
    links = "tests/test_docs.py::test_links_and_images_lead_somewhere"
    done = run_installed(*python, "tests/test_repository.py", links, cwd=unpacked, **source)
    assert " passed" in done


def test_the_built_wheel_trains_from_an_empty_folder(built: Built, tmp_path: Path) -> None:
    """The wheel alone is put into an empty environment that borrows this one's packages."""
    python = make_environment(tmp_path / "venv")
    run_installed(
        python, "-m", "pip", "install", "--no-deps", "--quiet", str(built.wheel), cwd=tmp_path
    )
    empty = tmp_path / "empty"
    empty.mkdir()
    where = run_installed(python, "-c", "import cnncompare; print(cnncompare.__file__)", cwd=empty)
    assert str(tmp_path / "venv") in where
    assert "resnet20" in run_installed(
        str(Path(python).with_name("cnncompare")), "models", cwd=empty
    )
    words = ("data=synthetic", "data.limit_train=64", "model=lenet5", "trainer.max_epochs=1")
    run_installed(python, "-m", "cnncompare", "-m", *words, cwd=empty)
    (record,) = empty.glob("outputs/default/*/run.json")
    found = json.loads(record.read_text())
    assert (found["status"], found["environment"]["cnncompare"]) == ("finished", VERSION)


def _metadata(wheel: Path) -> str:
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(f"cnncompare-{VERSION}.dist-info/METADATA").decode()


def _files(folder: Path) -> set[str]:
    """Return the paths of the files below `folder`, from there, without what Python leaves."""
    paths = {str(PurePosixPath(path.relative_to(folder))) for path in folder.rglob("*")}
    return {
        path
        for path in paths
        if (folder / path).is_file() and not any(mark in path for mark in IGNORED)
    }
