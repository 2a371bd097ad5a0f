"""A report on many experiments is an index, the newest first."""

import re
from pathlib import Path
from typing import Any

import pytest

from cnncompare.report.command import main
from cnncompare.report.index import MOST_TABLES
from tests.comparison.factory import write_sweep


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    """Return the folder of four experiments of two networks each."""
    for number, data in enumerate(["digits", "flowers", "digits", "svhn"]):
        options: dict[str, Any] = {
            "data": data,
            "epochs": 3 + number,
            "changes": {"name": f"study{number}"},
        }
        folder = tmp_path / f"study{number}"
        write_sweep(folder, {"a": 0.9, "b": 0.7}, seeds=1, n=40, **options)
    return tmp_path


def test_many_experiments_are_listed_the_newest_first(
    outputs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(outputs)]) == 0
    names = ["svhn", "digits, study2", "flowers", "digits, study0"]
    printed = capsys.readouterr().out
    positions = [printed.index(f"\n{name}  2 networks, 2 runs") for name in names]
    assert positions == sorted(positions)
    assert "top-1 (%)" not in printed  # no table
    assert f"cnncompare report {outputs / 'study3'}" in printed.replace("\n", "")
    page = (outputs / "report.html").read_text()
    index = page[page.index('id="index"') : page.index('id="table-1"')]
    listed = re.findall(r'<th scope="row"><a href="#table-\d">(.+?)</a>', index)
    assert listed == names
    assert page.count('<details class="study">') == 4  # closed
    captions = re.findall(r"<caption>(.+?)</caption>", page)
    assert len(captions) == len(set(captions))
    assert list((outputs / "figures").glob("*")) == []
    assert 'href="figures/' not in page
    assert "| svhn | " in (outputs / "report.md").read_text()


def test_a_few_tables_are_printed_and_have_figures(
    outputs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    monkeypatch.setattr(
        "cnncompare.report.write.write_figures",
        lambda figures, folder: written.extend(figure.name for figure in figures),
    )
    monkeypatch.setattr("cnncompare.report.write.write_events", lambda *arguments: None)
    folders = [str(outputs / f"study{number}") for number in range(MOST_TABLES)]
    assert main([*folders, "--out", str(outputs / "out")]) == 0
    assert capsys.readouterr().out.count("top-1 (%)") == MOST_TABLES
    assert "table-3-accuracy" in written
    page = (outputs / "out" / "report.html").read_text()
    assert page.count('<details class="study" open>') == MOST_TABLES
