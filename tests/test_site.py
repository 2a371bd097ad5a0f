"""The documentation as a site: it is built without a warning, and its links lead somewhere."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mkdocs", reason="mkdocs is not installed; it belongs to the extra docs")

from mkdocs_hooks import REPOSITORY, site_link

from tests.conftest import ROOT


def build(config: Path, site: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]  # --quiet would hide warnings
    return subprocess.run(
        [*command, "--config-file", str(config), "--site-dir", str(site)],
        capture_output=True,
        text=True,
        timeout=240,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = build(ROOT / "mkdocs.yml", folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_there_and_loads_nothing_from_elsewhere(site: Path) -> None:
    pages = [page.with_suffix("").name for page in (ROOT / "docs").glob("*.md")]
    for page in (*pages, "contributing", "changelog", "api/registry"):
        text = (site / page / "index.html").read_text()
        assert not re.search(r'<(?:script|img)[^>]* src="https?:', text)
        assert not re.search(r'<link[^>]* rel="stylesheet"[^>]* href="https?:', text)


def test_the_api_pages_are_made_of_the_docstrings(site: Path) -> None:
    text = (site / "api" / "registry" / "index.html").read_text()
    assert 'id="cnncompare.models.registry.build"' in text
    assert "Return the network" in text  # of build
    assert "small_image_changes" in text  # a field of a dataclass
    assert "_OWN" not in text
    text = (site / "api" / "extensions" / "index.html").read_text()
    assert "raises ModelError on a duplicate" in text  # of register_model
    assert "Return a decorator for a function that returns a torch optimizer" in text


def test_a_broken_link_and_an_unknown_identifier_fail_the_build(tmp_path: Path) -> None:
    (tmp_path / "src").symlink_to(ROOT / "src")
    shutil.copy(ROOT / "mkdocs_hooks.py", tmp_path)
    for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        (tmp_path / name).write_text("# Page\n")
    (tmp_path / "docs").mkdir()
    config = (ROOT / "mkdocs.yml").read_text()
    (tmp_path / "mkdocs.yml").write_text(re.sub(r"^nav:\n(?: .*\n)+", "", config, flags=re.M))
    page = tmp_path / "docs" / "page.md"
    for text, problem in (
        ("[a](../nowhere.md)", "nowhere.md"),
        ("::: cnncompare.nothing", "cnncompare.nothing"),
    ):
        page.write_text(f"# Page\n\n{text}\n")
        done = build(tmp_path / "mkdocs.yml", tmp_path / "site")
        assert done.returncode != 0
        assert problem in done.stderr
    page.write_text("# Page\n")
    assert build(tmp_path / "mkdocs.yml", tmp_path / "site").returncode == 0


@pytest.mark.parametrize(
    ("target", "page", "expected"),
    [
        ("docs/data.md", "index.md", "data.md"),
        ("docs/data.md#splits", "index.md", "data.md#splits"),
        ("CONTRIBUTING.md", "index.md", "contributing.md"),
        ("docs/architecture.md", "contributing.md", "architecture.md"),
        ("../CONTRIBUTING.md#a", "data.md", "contributing.md#a"),
        ("../../README.md", "api/index.md", "../index.md"),
        ("../data.md", "api/index.md", "../data.md"),
        ("sweeps.md", "data.md", "sweeps.md"),
        ("../conf/config.yaml", "data.md", f"{REPOSITORY}conf/config.yaml"),
        ("LICENSE", "index.md", f"{REPOSITORY}LICENSE"),
        ("#splits", "data.md", "#splits"),
        ("https://hydra.cc", "data.md", "https://hydra.cc"),
        ("../nowhere.md", "data.md", "../nowhere.md"),
        (
            "https://raw.githubusercontent.com/cnncompare/cnncompare/main/docs/images/report.png",
            "index.md",
            "images/report.png",
        ),
    ],
)
def test_a_link_of_the_repository_leads_to_the_same_place(
    target: str, page: str, expected: str
) -> None:
    assert site_link(target, page) == expected
