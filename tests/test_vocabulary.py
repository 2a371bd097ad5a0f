"""One term per thing: the glossary's terms are used, and the terms they replaced are not.

Each pattern below is the misuse, not the English word, where the word also has a proper use:

- `part`: "part of the record" is fine; a split or a section of the record is no "part".
- `place`: "in place", "takes place" and "in one place" are fine; a rank, a device slot or a
  position is no "place".
- `published`: "LeNet-5 as published in 1998" is fine, since papers are published; weights are
  pretrained, and the numbers of others are reference results.
- `word`: "in words" and "word for word" are fine; what follows a command is an override or an
  option.

A line of `src` that answers or reads a former name says so with the comment ``# old name``, and is
left out. `ALLOWED` holds phrases that keep a banned term for a while; each must still occur.
"""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SRC = ROOT / "src"
# CHANGELOG.md names what was renamed and is left out.
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
CONF = sorted((ROOT / "conf").rglob("*.yaml"))
PACKAGES = sorted(
    path
    for path in [*(SRC / "cnncompare").iterdir(), SRC / "hydra_plugins"]
    if path.suffix == ".py" or (path.is_dir() and any(path.rglob("*.py")))
)
TEXT_FILES = (".py", ".yaml", ".html", ".css", ".js")  # of src

# The term to write: patterns of the terms that it replaces, in any letter case but for (?-i:...).
BANNED = {
    "override, option": (r"(?<![a-z])(?<!in )(?<!word for )words?(?![a-z])(?! for word)",),
    "split": (
        r"(?<![a-z])(?:train|training|val|validation|test|data|image)[ _]parts?(?![a-z])",
        r"(?<![a-z])(?:its|no|each|own|two|three) parts?(?![a-z])(?! of)",
        r"(?-i:\bParts?\b(?! of))",  # a class, not the start of a sentence
        r"(?-i:\b(?:[A-Z][a-z]+)+Parts?\b)",
    ),
    "rank, device slot, position": (
        r"(?<![a-z])(?<!in )(?<!in its )(?<!in-)(?<!in_)(?<!take )(?<!takes )(?<!decimal )"
        r"(?<!one )(?<!only )(?<!single )places?(?![a-z])",
    ),
    "pretrained weights": (r"given[ _]weights", r"published[ _]weights"),
    "reference result": (
        r"published (?:top-|number|result|check|accurac|value|one\b|figure|interval|span)",
        r"published_(?!stem|network)|_published",  # identifiers
        r"(?<![a-z ])published(?=[(\"'\]]| ?= )",
        r"\.published\b",
        r"(?-i:\bPublished(?=[(|\]:.]| \|))",
        r"(?-i:class Published)",
    ),
    "preprocessing deviation": (r"(?<![a-z])depart(?:s|ed|ures?)?(?![a-z])",),
    "corrupt image": (r"damaged",),
    "figure, chart": (r"pictures?(?![a-z])",),
    "statistically tied": (r"told apart",),
    "not significant (n.s.)": (
        r"\(not shown\)",
        r"difference (?:is|was|are|were) not shown",
        r"do(?:es)? not show (?:a|that|any)\b",
    ),
    "overconfident": (r"too sure",),
    "baseline script": (
        r"usual[ _-]script",
        r"bench\.usual",
        r"(?<![a-z])usual_[a-z]+",
        r"\"usual\"",
    ),
    "under contention": (
        r"busy programs?",
        r"beside (?:[a-z]+ ){0,2}(?:busy|other programs)",
    ),
    "does not depend on": (r"(?<![a-z])knows? (?:no|neither)\b",),
    "Architecture": (r"the house\b(?! number)",),
    "data.on_corrupt_image": (r"data\.damaged", r"\bleave_out\b"),
    "data.limit_test": (r"data\.subset",),
    "display": (r"(?<!training\.)callbacks\.(?:progress|confusion_matrix|worst_mistakes)",),
}
# File: phrases that keep a banned term. Remove a phrase when the key that it names is renamed.
ALLOWED: dict[str, tuple[str, ...]] = {}
DOCSTRING_STARTS = re.compile(r"(?:What|Who|How|Where|Which)\b")


def misuses(text: str) -> list[str]:
    """Return "found -> term to write" for each banned term in `text`."""
    return [
        f"{found.group(0)!r} -> {term}"
        for term, patterns in BANNED.items()
        for pattern in patterns
        for found in re.finditer(pattern, text, re.IGNORECASE)
    ]


def misuses_in(path: Path) -> list[str]:
    """Return "file:line: found -> term to write" for a file, its allowed phrases left out."""
    name = path.relative_to(ROOT).as_posix()
    text = path.read_text("utf-8")
    for phrase in ALLOWED.get(name, ()):
        text = text.replace(phrase, "")
    return [
        f"{name}:{number}: {misuse}"
        for number, line in enumerate(text.splitlines(), 1)
        if not line.endswith("# old name")
        for misuse in misuses(line)
    ]


def files_of(package: Path) -> list[Path]:
    if package.is_file():
        return [package]
    return sorted(path for path in package.rglob("*") if path.suffix in TEXT_FILES)


def report(found: list[str]) -> None:
    """Fail with one line per misuse."""
    if found:
        pytest.fail("\n".join([f"{len(found)} banned terms", *found]), pytrace=False)


def starts_with_a_question(path: Path) -> bool:
    docstring = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    return bool(DOCSTRING_STARTS.match(docstring))


@pytest.mark.parametrize(
    "text",
    [
        "the words of the command line",
        "argv = _words()",
        "class DataPart(Part):",
        "the training part",
        "images that only one test part has",
        "places: list[int]",
        "its place in the test set",
        "the published number",
        "published_for(config)",
        "row.published is None",
        "class Published:",
        "tests of given weights",
        "departs from the transform",
        "class DamagedImageError",
        "data.damaged=stop",
        "draw_pictures(run)",
        "cannot be told apart",
        "+0.3 points (not shown)",
        "below the diagonal: too sure",
        "the usual script",
        "usual_pipeline",
        "beside three busy programs",
        "models knows no Lightning",
        "how the house is built",
        "callbacks.progress=off",
    ],
)
def test_a_misuse_is_found(text: str) -> None:
    assert misuses(text)


@pytest.mark.parametrize(
    "text",
    [
        "part of the identity",
        "Part of the record",
        "partial results",
        "parts = name.split()",
        "changed in place",
        "one place in the code decides",
        "replace(run)",
        "a placeholder",
        "LeNet-5 as published in 1998",
        "the published stem",
        "keywords and passwords",
        "the findings in words",
        "the department",
        "SVHN: images of house numbers",
        "the house numbers of SVHN",
        "training/callbacks/progress.py",
        "from cnncompare.training.callbacks.progress import Progress",
        "the usual learning rate",
        "the figure is not shown on a terminal",
    ],
)
def test_a_proper_use_is_not_found(text: str) -> None:
    assert misuses(text) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_pages_use_the_glossary_s_terms(page: Path) -> None:
    report(misuses_in(page))


def test_configuration_files_use_the_glossary_s_terms() -> None:
    assert CONF
    report([misuse for path in CONF for misuse in misuses_in(path)])


@pytest.mark.parametrize("name", ALLOWED)
def test_an_allowed_phrase_still_occurs(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    assert [phrase for phrase in ALLOWED[name] if phrase not in text] == []


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_source_files_use_the_glossary_s_terms(package: Path) -> None:
    report([misuse for path in files_of(package) for misuse in misuses_in(path)])


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_module_docstrings_say_what_a_module_provides(package: Path) -> None:
    modules = [path for path in files_of(package) if path.suffix == ".py"]
    assert [path.name for path in modules if starts_with_a_question(path)] == []
