"""Commands of the report: copied into a shell, they concern the best network's best run."""

import csv
import html
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from cnncompare.comparison.compare import compare_results
from cnncompare.comparison.load import load_results
from cnncompare.report.command import main
from cnncompare.report.next_steps import next_steps
from tests.comparison.factory import write_run
from tests.comparison.test_compare import inference


def write_study(root: Path) -> Path:
    """Write runs of two networks and return the folder of the best network's best run."""
    write_run(root, "lenet5", 0, np.arange(100) < 60, changes=inference(0.00123))
    write_run(root, "resnet18", 0, np.arange(100) < 90, changes={"model": {"depth": 18}})
    return write_run(root, "resnet18", 1, np.arange(100) < 92, changes={"model": {"depth": 18}})


def test_the_commands_name_the_run_with_the_best_validation_accuracy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    best = write_study(tmp_path / "my study")
    monkeypatch.chdir(tmp_path)
    (table,) = compare_results(*load_results([tmp_path])).tables
    commands = [shlex.split(command)[3:] for _, command in next_steps(table)]
    run = f"my study/{best.name}"
    assert commands == [
        ["predict", run, "new-photos"],
        ["export", run, "--to", "onnx"],
        ["explain", "resnet18", "--of", run],
    ]


def test_a_network_of_the_user_and_a_suspicious_name_are_not_explained(tmp_path: Path) -> None:
    write_run(tmp_path, "mine", 0, np.arange(100) < 60, changes={"model": {"name": "$(rm x)"}})
    (table,) = compare_results(*load_results([tmp_path])).tables
    assert len(next_steps(table)) == 2
    assert "rm x" not in str(next_steps(table))


@pytest.mark.usefixtures("no_figures")
def test_page_and_console_have_the_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    best = write_study(tmp_path / "study")
    monkeypatch.chdir(tmp_path)
    assert main(["study"]) == 0
    command = f"python -m cnncompare export study/{best.name} --to onnx"
    assert f"  {command}\n" in capsys.readouterr().out
    page = (tmp_path / "study" / "report.html").read_text()
    assert command in map(html.unescape, re.findall(r"<code>(.*?)</code>", page))
    assert re.search(r">ms/image<.*>1\.23<", page, flags=re.DOTALL)
    with (tmp_path / "study" / "report.csv").open() as file:
        values = {(r["model"], r["metric"]): r["value"] for r in csv.DictReader(file)}
    assert float(values["lenet5", "latency_ms"]) == pytest.approx(1.23)
    assert ("resnet18", "latency_ms") not in values
    assert values["resnet18", "depth"] == "18"
