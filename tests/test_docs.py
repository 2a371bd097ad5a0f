"""Every command in the documentation is one that works."""

import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins

from cnncompare.cli import SUBCOMMANDS
from cnncompare.config_files import UserConf
from cnncompare.sweep.words import spell_out_seeds
from tests.composing import compose_config

Call = Callable[..., subprocess.CompletedProcess[str]]
ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
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
                named = re.match(r"# (\S+\.(?:yaml|py))\n", block)
                if named:
                    path = tmp_path / named.group(1)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(block.removeprefix(named.group(0)))
    monkeypatch.chdir(tmp_path)
    Plugins.instance().register(UserConf)
    return tmp_path


def test_the_documentation_has_commands() -> None:
    assert len(ALL) > 10
    assert {"README.md", "configuration.md", "data.md"} <= {page for page, _ in ALL}


@pytest.mark.parametrize(("page", "words"), [case for case in ALL if is_run(case[1])])
def test_a_documented_run_is_a_valid_configuration(
    page: str, words: list[str], user_files: Path
) -> None:
    settings = [word for word in spell_out_seeds(words) if "=" in word and not word.startswith("-")]
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
    done = cnncompare(*words, *small, timeout=600)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_pictures_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+?)\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
