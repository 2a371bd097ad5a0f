"""The report in Korean: nothing English is left but names, in the page and in its figures."""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from cnncompare.report.command import main
from cnncompare.report.figures import file_stem
from tests.report.studies import STUDIES

# names in the studies: networks, data sets, classes, machines, runs, versions, files, settings
NAMES = """
resnet20 resnet18 vgg16 lenet5 mobilenet_v2 alexnet inception_v3 digits flowers svhn imagenet_val
cat dog study0 study1 study2 study3 Test Other CPU cnncompare torch torchvision ResNet18_Weights
IMAGENET1K_V1 Linux cifar sgd cosine bilinear a.JPEG n01440764 RuntimeError it broke default tuned
trials run.json config.yaml epochs.csv run.log svg png pdf resnet lr wnid weight_decay
32-true data epochs seeds --planned-seeds N --margin report --metric balanced test.acc1 UTC
mcnemar-exact seeds-and-images seeds-and-images-sequential corrected-resampled-t ImageNet
image-permutation permutation default. Nadeau Bengio Demsar Dodge He
"""
# what Korean texts on this subject write in Latin letters
TERMS = """
top-1 top-5 CNN GMACs MACs GPU RSS ECE F1 MB MiB M RGB CMYK p a b c g t n s x Esc float32 ms null
"""
ALLOWED = set(f"{NAMES} {TERMS}".split())
WORD = re.compile(r"(?:--)?[A-Za-z0-9][A-Za-z0-9_.+-]*", re.ASCII)
ATTRIBUTES = {
    *("alt", "aria-description", "aria-label", "data-alt", "data-caption", "data-tip"),
    *("data-title", "placeholder", "title"),
}
NOT_READ = {"code", "script", "style", "dl"}  # commands, programs, and settings with their values


class Texts(HTMLParser):
    """The texts that a reader or a screen reader meets, and the specifications of the charts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.charts: dict[str, Any] = {}
        self._within: list[str] = []
        self._is_charts = False
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found += [value for key, value in attributes if key in ATTRIBUTES and value]
        if tag in NOT_READ:
            self._within.append(tag)
        self._is_charts = ("id", "charts") in attributes

    def handle_endtag(self, tag: str) -> None:
        if tag in NOT_READ:
            self._within.pop()

    def handle_data(self, data: str) -> None:
        if self._is_charts:
            self.charts = json.loads(data)
            self._is_charts = False
        elif not self._within and data.strip():
            self.found.append(data.strip())


def texts_of_chart(node: Any) -> Iterator[str]:
    """Yield titles, names of tooltips without a title, and nominal values of a chart."""
    if isinstance(node, list):
        for item in node:
            yield from texts_of_chart(item)
        return
    if not isinstance(node, dict):
        return
    if isinstance(node.get("title"), str):
        yield node["title"]
    if isinstance(node.get("text"), dict) and isinstance(node["text"].get("value"), str):
        yield node["text"]["value"]
    tooltip = node.get("tooltip")
    for entry in tooltip if isinstance(tooltip, list) else [tooltip]:
        if isinstance(entry, dict) and "title" not in entry and "field" in entry:
            yield entry["field"]
    for key, value in node.items():
        if key == "values" and isinstance(value, list):
            rows = [row for row in value if isinstance(row, dict)]
            skipped = {"url", "colour", "align"}
            cells = [v for row in rows for k, v in row.items() if k not in skipped]
            yield from (cell for cell in cells if isinstance(cell, str))
        elif key != "config":
            yield from texts_of_chart(value)


def english(text: str) -> list[str]:
    """Return the words of a text in Latin letters that are neither names nor terms."""
    words = (word.rstrip(".-") for word in WORD.findall(text))
    words = (word for word in words if not re.fullmatch(r"[\d.,-]+(?:e[-+]?\d+)?", word))
    return [word for word in words if word not in ALLOWED and not is_run(word)]


def is_run(word: str) -> bool:
    """Return whether the word is the name of a run's folder."""
    return re.fullmatch(r"[\w.]+-\w+-e\d+-d\d+-s\d+-[0-9a-f]{8}", word) is not None


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the Korean report on each study, without files of figures."""
    root = tmp_path_factory.mktemp("korean")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "cnncompare.report.write.write_figures",
            lambda figures, folder: {f.name: file_stem(f.name) for f in figures},
        )
        patch.setattr("cnncompare.report.write.write_events", lambda *arguments: None)
        patch.setattr("cnncompare.report.html._vega", lambda: "")
        for name, (write, options) in STUDIES.items():
            write(root / name)
            assert main([str(root / name), "--language", "ko", *options]) == 0
    return root


@pytest.mark.parametrize("name", STUDIES)
def test_nothing_english_is_left_in_the_page_but_names(reports: Path, name: str) -> None:
    page = (reports / name / "report.html").read_text("utf-8")
    texts = Texts(page)
    assert '<html lang="ko">' in page
    assert len(texts.found) > 50
    assert {text: left for text in texts.found if (left := english(text))} == {}


@pytest.mark.parametrize("name", STUDIES)
def test_nothing_english_is_left_in_the_figures_but_names(reports: Path, name: str) -> None:
    charts = Texts((reports / name / "report.html").read_text("utf-8")).charts
    assert charts
    texts = dict.fromkeys(texts_of_chart(charts))
    assert any(re.search("[가-힣]", text) for text in texts)
    assert {text: left for text in texts if (left := english(text))} == {}
