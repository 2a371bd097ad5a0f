"""Documented commands, links and paths are valid, and pages follow their conventions."""

import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser

from cnncompare.cli import SUBCOMMANDS
from cnncompare.config.files import register_search_path
from cnncompare.sweep.overrides import expand_repetitions
from tests.composing import compose_config
from tests.conftest import HAS_SOURCES, ROOT

Call = Callable[..., subprocess.CompletedProcess[str]]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
# what makes any documented run small: the last word for a key wins
SMALL = ("data=digits", "data.limit_train=64", "data.limit_test=40", "trainer.max_epochs=1",
         "data.batch_size=16", "data.image_size=32", "name=docs")  # fmt: skip


def blocks(page: Path, language: str) -> Iterator[str]:
    yield from re.findall(rf"```{language}\n(.*?)```", page.read_text(), flags=re.DOTALL)


def commands(page: Path) -> Iterator[list[str]]:
    for block in blocks(page, "bash"):
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            if words[:3] == ["python", "-m", "cnncompare"]:
                yield words[3:]


ALL = [(page.name, words) for page in PAGES for words in commands(page)]


def is_run(words: list[str]) -> bool:
    # --config-path names a run's folder: tests/test_train.py runs that one
    return words[0] not in SUBCOMMANDS and "--config-path" not in words


@pytest.fixture
def user_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write the documented conf files and modules into an empty folder and go there."""
    for page in PAGES:
        for language in ("yaml", "python"):
            for block in blocks(page, language):
                named = re.match(r"(?:# @package \S+\n)?# (\S+\.(?:yaml|py))\n", block)
                if named:
                    path = tmp_path / named.group(1)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(block)  # with its comments, as a reader copies it
    monkeypatch.chdir(tmp_path)
    register_search_path()
    return tmp_path


def test_the_documentation_has_commands() -> None:
    assert len(ALL) > 10
    assert {"README.md", "configuration.md", "data.md"} <= {page for page, _ in ALL}


@pytest.mark.parametrize(("page", "words"), [case for case in ALL if is_run(case[1])])
def test_a_documented_run_is_a_valid_configuration(
    page: str, words: list[str], user_files: Path
) -> None:
    settings = [
        word for word in expand_repetitions(words) if "=" in word and not word.startswith("-")
    ]
    overrides = OverridesParser.create().parse_overrides(
        [word for word in settings if "glob(" not in word and not word.startswith("hydra/")]
    )
    (jobs,) = BasicSweeper.split_arguments(overrides, None)
    for job in jobs:
        compose_config(*job)


@pytest.mark.parametrize(("page", "words"), [c for c in ALL if c[1][0] in SUBCOMMANDS])
def test_a_documented_subcommand_knows_its_options(
    page: str, words: list[str], cnncompare: Call
) -> None:
    shown = cnncompare(words[0], "--help").stdout
    for word in words[1:]:
        if word.startswith("--"):
            assert word.partition("=")[0] in shown


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "words"),
    [case for case in ALL if is_run(case[1]) and "hydra/" not in " ".join(case[1])],
)
def test_a_documented_run_runs(
    page: str, words: list[str], user_files: Path, cnncompare: Call, request: pytest.FixtureRequest
) -> None:
    small: tuple[str, ...] = SMALL
    if "experiment=imagenet_val" in words:  # weights are downloaded, which a test does not
        sample = request.getfixturevalue("imagenet_sample") / "val"
        for folder in sorted(sample.iterdir())[:6]:
            (user_files / "imagenet" / folder.name).mkdir(parents=True)
            for image in folder.iterdir():
                (user_files / "imagenet" / folder.name / image.name).symlink_to(image)
        small = ("model.weights=null", "model.weights_map=by_name", "name=docs")
    if budget := [word.partition("=")[0] for word in words if word.startswith("budget.")]:
        small = (
            *(word for word in SMALL if not word.startswith("trainer.max_epochs")),
            f"{budget[0]}={'12' if budget[0] == 'budget.seconds' else '1e10'}",
        )
    done = cnncompare(*words, *small, timeout=600)
    assert done.returncode == 0, done.stderr


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def prose(page: Path) -> str:
    return re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)


def headings(page: Path) -> list[str]:
    return re.findall(r"^#+ (.+)$", prose(page), flags=re.MULTILINE)


def anchor(heading: str) -> str:
    """Return the heading's anchor, as GitHub and MkDocs make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_and_images_lead_somewhere(page: Path) -> None:
    for target, fragment in re.findall(r"\]\(([^)#]*)#?([^)]*)\)", prose(page)):
        if "://" in target:
            continue
        linked = page.parent / target if target else page
        assert linked.exists(), f"{name_of(page)} links to {target}"
        if fragment:
            assert fragment in map(anchor, headings(linked)), f"{target} has no #{fragment}"


def test_every_page_can_be_reached() -> None:
    docs = ROOT / "docs"
    indexes = [docs / folder / "index.md" for folder in ("internals", "api", "ko")]
    start = [ROOT / "README.md", *indexes]
    linked = {
        (page.parent / target).resolve()
        for page in [*start, docs / "architecture.md"]
        for target in re.findall(r"\]\(([^)#]+\.md)", prose(page))
    }
    moved = docs / "own-photos.md"  # names its new address
    assert [name_of(p) for p in PAGES if p not in linked and p not in (start[0], moved)] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_titles_are_noun_phrases(page: Path) -> None:
    assert headings(page)
    for heading in headings(page):
        assert not re.match(r"(?:What|Who|How|Where|Which|When|Why)\b", heading), heading
        assert not heading.endswith("?"), heading


def test_the_glossary_is_alphabetical() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text()
    terms = re.findall(r"^\*\*(.+?)\.\*\* \S", text, flags=re.MULTILINE)
    assert len(terms) >= 40
    keys = [re.sub(r"[^a-z0-9]", "", term.lower()) for term in terms]
    assert keys == sorted(keys)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_one_unit_per_quantity(page: Path) -> None:
    assert re.findall(r"MMACs?|GFLOPs?|params M|\d MB of memory", page.read_text()) == []


@pytest.mark.skipif(not HAS_SOURCES, reason="the test reads the sources")
def test_paths_in_the_documentation_exist() -> None:
    named = {
        (name_of(page), path)
        for page in PAGES
        for path in re.findall(r"`((?:src|tests|conf|docs)/[\w./-]+)`", prose(page))
        if "NAME" not in path and name_of(page) != "docs/configuration.md"  # a user's own files
    }
    assert named
    assert [(page, path) for page, path in sorted(named) if not (ROOT / path).exists()] == []
