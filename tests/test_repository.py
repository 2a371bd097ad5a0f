"""The files at the root of the repository, each against the others."""

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import cnncompare
from tests.conftest import HAS_SOURCES, ROOT

VERSION = cnncompare.__version__
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
WORKFLOW: dict[Any, Any] = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
CITATION: dict[str, Any] = yaml.safe_load((ROOT / "CITATION.cff").read_text())
FORMS = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*_*.yml"))
RAW = "https://raw.githubusercontent.com/cnncompare/cnncompare/main/"


def pinned() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = (line.split("==") for line in lines if "==" in line)
    return {canonicalize_name(name): version for name, version in pairs}


FILES = (
    "CHANGELOG.md CITATION.cff CODE_OF_CONDUCT.md CONTRIBUTING.md LICENSE NOTICE README.md "
    "SECURITY.md .pre-commit-config.yaml .github/pull_request_template.md mkdocs.yml"
)


@pytest.mark.parametrize("name", FILES.split())
def test_a_file_that_readers_look_for_exists(name: str) -> None:
    assert (ROOT / name).stat().st_size > 100


# ---- version and licence


def test_the_version_is_that_of_the_package_alone() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", VERSION)
    assert "version" in PROJECT["dynamic"]
    assert "version" not in PROJECT


def test_the_citation_is_of_this_version() -> None:
    assert (CITATION["cff-version"], CITATION["version"]) == ("1.2.0", VERSION)
    assert CITATION["license"] == PROJECT["license"] == "MIT"
    assert CITATION["authors"] == PROJECT["authors"] == [{"name": "cnncompare contributors"}]
    assert CITATION["repository-code"] == PROJECT["urls"]["Source"]


def test_the_changelog_has_this_version_with_the_date_of_the_citation() -> None:
    heads = re.findall(r"^## (.*)", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert heads[0] == "[Unreleased]"
    assert f"[{VERSION}] - {CITATION['date-released']}" in heads


@pytest.mark.skipif(not HAS_SOURCES, reason="the test reads the sources")
def test_the_notice_names_every_included_data_set() -> None:
    included = [path.name for path in (ROOT / "src").rglob("*.npz")]
    assert included == ["digits.npz"]
    assert "digits.npz (in the package cnncompare.data.sources)" in (ROOT / "NOTICE").read_text()


@pytest.mark.skipif(not HAS_SOURCES, reason="the test reads the sources")
def test_the_notice_covers_the_data_of_others() -> None:
    notice = (ROOT / "NOTICE").read_text()
    tables = list((ROOT / "src").rglob("*.csv"))
    assert tables
    for table in tables:
        (commit,) = set(re.findall(r"\b[0-9a-f]{40}\b", table.read_text()))
        assert table.name in notice
        assert commit in notice
        module = ".".join(table.relative_to(ROOT / "src").parent.parts)
        assert f"package {module})" in notice


# ---- dependencies


def test_every_installed_dependency_has_one_version_within_its_bounds() -> None:
    extras = PROJECT["optional-dependencies"]
    for line in PROJECT["dependencies"] + extras["docs"] + extras["dev"]:
        requirement = Requirement(line)
        assert requirement.specifier or requirement.name == "cnncompare", f"{line} has no bound"
        if requirement.name != "cnncompare":
            assert requirement.specifier.contains(pinned()[canonicalize_name(requirement.name)])


def test_no_version_is_pinned_that_nothing_asks_for() -> None:
    extras = PROJECT["optional-dependencies"]
    asked = PROJECT["dependencies"] + extras["docs"] + extras["dev"]
    assert pinned().keys() <= {canonicalize_name(Requirement(line).name) for line in asked}


def test_every_extra_that_is_named_exists() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "src").rglob("*.py")]
    named = {
        extra
        for page in pages
        for extras in re.findall(r"cnncompare\[([\w,]+)\]", page.read_text())
        for extra in extras.split(",")
    }
    assert {"optuna", "slurm"} <= named <= PROJECT["optional-dependencies"].keys()


def test_pre_commit_runs_the_ruff_that_make_lint_runs() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    revisions = {entry["repo"].rpartition("/")[2]: entry.get("rev") for entry in config["repos"]}
    assert revisions["ruff-pre-commit"] == f"v{pinned()['ruff']}"


# ---- Python versions, make and the workflow


def test_the_workflow_tests_every_python_that_is_classified() -> None:
    prefix = "Programming Language :: Python :: 3."
    classified = [name[len(prefix) - 2 :] for name in PROJECT["classifiers"] if prefix in name]
    tested = WORKFLOW["jobs"]["tests"]["strategy"]["matrix"]["python"]
    assert tested == classified
    assert PROJECT["requires-python"] == f">={tested[0]}"


def test_the_workflow_calls_targets_that_make_has() -> None:
    commands = [
        step["run"] for job in WORKFLOW["jobs"].values() for step in job["steps"] if "run" in step
    ]
    called = set(re.findall(r"^make (?:--\S+ \S+ )?([a-z-]+)", "\n".join(commands), re.MULTILINE))
    assert {"test", "docs", "build"} <= called <= set(targets())


def targets() -> list[str]:
    (line,) = re.findall(r"^\.PHONY: (.*)", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    return list(line.split())


def test_make_alone_prints_every_target_and_does_nothing() -> None:
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    printed = re.findall(r"^  make (\S+) +\S", done.stdout, flags=re.MULTILINE)
    assert printed == targets()


# ---- what GitHub and an index show


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_an_issue_form_is_one_that_github_takes(form: Path) -> None:
    content = yaml.safe_load(form.read_text())
    assert {"name", "description", "body"} <= content.keys()
    ids = [field["id"] for field in content["body"]]
    assert len(ids) == len(set(ids)) > 0
    for field in content["body"]:
        assert field["type"] in {"checkboxes", "dropdown", "input", "markdown", "textarea"}
        assert field["attributes"]["label"]


def test_the_figures_of_the_readme_show_on_an_index_page_too() -> None:
    figures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", (ROOT / "README.md").read_text())
    assert figures
    for figure in figures:
        assert figure.startswith(RAW)
        assert (ROOT / figure.removeprefix(RAW)).is_file()
