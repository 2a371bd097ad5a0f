"""report --cam: the sheet of the test images on which networks disagree."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from cnncompare.comparison.load import Result
from cnncompare.comparison.outcome import Outcome
from cnncompare.errors import ConfigError
from cnncompare.report import class_maps
from cnncompare.report.charts.figure import Figure
from cnncompare.report.command import main
from cnncompare.report.figures import write_figures
from cnncompare.runs.run import Run
from tests.comparison.factory import write_sweep


def cells_on_the_page(page: Path) -> list[dict[str, Any]]:
    """Return the cells of the sheet, from the specification within the page."""
    text = page.read_text()
    start = text.index('"class-maps": ') + len('"class-maps": ')
    specification, _ = json.JSONDecoder().raw_decode(text[start:])
    (cells,) = specification["datasets"].values()
    return list(cells)


@pytest.fixture(scope="module")
def reported(trained_pair: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a report of which only the sheet is drawn."""
    out = tmp_path_factory.mktemp("reported")

    def draw(figures: Iterable[Figure], folder: Path) -> dict[str, str]:
        figures = list(figures)
        write_figures([figure for figure in figures if figure.name == "class-maps"], folder)
        return {figure.name: figure.name for figure in figures}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cnncompare.report.write.write_figures", draw)
        patch.setattr("cnncompare.report.write.write_events", lambda *arguments: None)
        assert main([str(trained_pair), "--cam", "--out", str(out)]) == 0
    return out


def test_true_and_predicted_classes_are_written_on_the_sheet(
    trained_pair: Path, reported: Path
) -> None:
    runs = {run.record.label: run for run in map(Run.read, sorted(trained_pair.glob("*-s0-*")))}
    saved = {label: run.predictions() for label, run in runs.items()}
    names = next(iter(runs.values())).classes
    true = next(iter(saved.values())).label
    right = {label: of_run.top5[:, 0] == true for label, of_run in saved.items()}
    disputed = np.flatnonzero(right["lenet5"] != right["quicknet"])
    expected = {
        (names[true[i]], *(names[saved[label].top5[i, 0]] for label in sorted(saved)))
        for i in disputed
    }
    cells = cells_on_the_page(reported / "report.html")
    rows = [cells[start : start + 3] for start in range(0, len(cells), 3)]
    assert len(rows) == min(8, len(disputed)) > 0
    for image, *networks in rows:
        networks = sorted(networks, key=lambda cell: str(cell["subtitle"]))
        assert [cell["subtitle"] for cell in networks] == ["lenet5", "quicknet"]
        assert image["note"] == "1 of 2 right"
        assert sorted(cell["note"].split(",")[0] for cell in networks) == ["right", "wrong"]
        seen = (image["title"].removeprefix("true: "), *(cell["title"] for cell in networks))
        assert seen in expected
        for cell in networks:
            assert (cell["title"] == seen[0]) == cell["note"].startswith("right")
        assert len({cell["url"] for cell in (image, *networks)}) == 3
    svg = (reported / "figures" / "class-maps.svg").read_text()
    assert f">{rows[0][0]['title']}<" in svg  # words, not pixels
    assert (reported / "figures" / "class-maps.png").stat().st_size > 5000


def copied(trained_pair: Path, to: Path) -> Path:
    shutil.copytree(trained_pair, to)
    return to


@pytest.mark.usefixtures("no_figures")
def test_what_is_not_at_hand_is_left_out_with_the_reason(
    trained_pair: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = copied(trained_pair, tmp_path / "study")
    (run,) = study.glob("quicknet*")
    shutil.rmtree(run / "checkpoints")
    assert main([str(study), "--cam"]) == 0
    err = capsys.readouterr().err
    assert err.startswith("cnncompare: report --cam: quicknet is left out: ")
    assert err.count("\n") == 1
    labels = {cell["subtitle"] for cell in cells_on_the_page(study / "report.html")}
    assert labels == {"test image", "lenet5"}

    (images,) = study.glob("test-images-*.npy")
    images.unlink()
    assert main([str(study), "--cam"]) == 0
    assert "lenet5 is left out: its test images are not at hand" in capsys.readouterr().err
    assert '"class-maps"' not in (study / "report.html").read_text()


@pytest.mark.usefixtures("no_figures")
def test_one_network_disagrees_with_none(
    trained_pair: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run,) = trained_pair.glob("lenet5*")
    assert main([str(run), "--cam", "--out", str(tmp_path)]) == 0
    assert "no test image on which networks disagree" in capsys.readouterr().err


def test_mistakes_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    write_sweep(tmp_path, {"good": 0.95, "bad": 0.7}, n=50)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ConfigError, match="leave out --json"):
        main([str(tmp_path), "--cam", "--json"])
    code = (
        "import sys; sys.modules['torchcam'] = sys.modules['torch'] = None; "
        f"from cnncompare.cli import run; sys.exit(run(['report', {str(tmp_path)!r}, '--cam']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == (
        "cnncompare: report: --cam needs torchcam: pip install 'cnncompare[cam]'\n"
    )
    assert sorted(tmp_path.rglob("*")) == before


def outcome(index: list[int], top1: list[int]) -> Outcome:
    classes = np.array(top1, np.int16)
    correct = np.ones(len(index), bool)
    confidence = np.full(len(index), 0.5, np.float32)
    return Outcome(classes, classes, correct, correct, confidence, np.array(index))


def test_the_image_of_a_fold_is_found_in_the_run_that_tested_it() -> None:
    folds = [outcome([0, 3, 5], [1, 1, 1]), outcome([1, 2, 4], [0, 2, 2])]
    results = cast(list[Result], [SimpleNamespace(outcome=fold) for fold in folds])
    together = outcome([0, 1, 2, 3, 4, 5], [1, 0, 2, 1, 2, 1])
    found = [class_maps._locate(results, together, position) for position in range(6)]
    assert found == [(0, 0), (1, 0), (1, 1), (0, 1), (1, 2), (0, 2)]
