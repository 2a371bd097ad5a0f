"""The command predict: its outputs, its choice of runs and images, and its answers to mistakes."""

import csv
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from cnncompare import cli
from cnncompare.runs.run import Run
from tests.inference.conftest import DIGITS, run_code, train_in
from tests.runs.edits import forget_checksums

Call = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a study of two networks; the better of two runs of lenet5 has 8 epochs."""
    outputs = tmp_path_factory.mktemp("study")
    for overrides in (
        ("model=lenet5",),
        ("model=lenet5", "trainer.max_epochs=8"),
        ("model=resnet20",),
    ):
        train_in(outputs, "name=study", *DIGITS, *overrides)
    return outputs / "study"


def predict(capsys: pytest.CaptureFixture[str], *arguments: Any) -> tuple[int, str, str]:
    capsys.readouterr()
    code = cli.run(["predict", *map(str, arguments)])
    return (code, *capsys.readouterr())


def test_json_has_the_keys_of_the_contract(
    digits_run: Run, digit_images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = digit_images / "0000.png"
    code, out, err = predict(capsys, digits_run.folder, file, "--json", "--top", 2)
    assert (code, err) == (0, "")
    (answer,) = json.loads(out)
    assert answer.keys() == {"image", "run", "model", "top"}
    assert answer["image"] == str(file)
    assert (answer["run"], answer["model"]) == (digits_run.record.id, "lenet5")
    assert [entry.keys() for entry in answer["top"]] == [{"class", "confidence"}] * 2
    first, second = (entry["confidence"] for entry in answer["top"])
    assert 1 >= first >= second >= 0


def test_a_study_means_the_best_run_of_each_network(
    study: Path, digit_images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    accuracies = {
        run.record.id: (run.record.label, run.record.best.val_acc1)
        for run in map(Run.read, (path.parent for path in study.glob("*/run.json")))
    }
    best = {
        label: max((acc, run_id) for run_id, (name, acc) in accuracies.items() if name == label)
        for label in ("lenet5", "resnet20")
    }
    assert "-e8-" in best["lenet5"][1]
    _, out, _ = predict(capsys, study, digit_images / "0000.png", "--json")
    found = {answer["model"]: answer["run"] for answer in json.loads(out)}
    assert found == {label: run_id for label, (_, run_id) in best.items()}


def test_the_table_is_image_by_network(
    study: Path, digit_images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [digit_images / f"000{i}.png" for i in range(3)]
    code, out, _ = predict(capsys, study, *files, "--top", "1")
    assert code == 0
    lines = [line.split() for line in out.splitlines() if line.strip()]
    assert ["image", "lenet5", "resnet20"] in lines
    for file in files:
        (row,) = [line for line in lines if line[0] == str(file)]
        assert len(row) == 7  # name; digit, percentage and sign of each network


def test_folders_and_globs_stand_for_their_images(
    digits_run: Run, digit_images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "photos [a]"
    (folder / "more").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    for name in ("b.png", "a.PNG", "more/c.png", ".hidden/d.png"):
        shutil.copy(digit_images / "0000.png", folder / name)
    (folder / "notes.txt").write_text("no image")
    expected = [str(folder / name) for name in ("a.PNG", "b.png", "more/c.png")]
    for arguments in (
        [folder],
        [f"{tmp_path}/*/*.[pP]*", folder / "more" / "c.png"],
        [f"{tmp_path}/**"],
        [expected[0], folder],
    ):
        _, out, _ = predict(capsys, digits_run.folder, *arguments, "--json")
        assert [answer["image"] for answer in json.loads(out)] == expected


def test_csv_has_a_row_for_each_class(
    digits_run: Run, digit_images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "predictions.csv"
    images = [digit_images / "0000.png", digit_images / "0001.png"]
    _, out, _ = predict(capsys, digits_run.folder, *images, "--json", "--csv", file)
    with file.open(newline="") as content:
        rows = list(csv.DictReader(content))
    assert [(row["image"], row["rank"]) for row in rows] == [
        (str(image), str(rank)) for image in images for rank in (1, 2, 3)
    ]
    flat = [entry for answer in json.loads(out) for entry in answer["top"]]
    assert [row["class"] for row in rows] == [entry["class"] for entry in flat]
    assert [float(row["confidence"]) for row in rows] == [entry["confidence"] for entry in flat]


def test_the_sheet_shows_images_and_words(
    study: Path, digit_images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = tmp_path / "<b>&.png"
    shutil.copy(digit_images / "0000.png", name)
    images = [name, *(digit_images / f"000{i}.png" for i in range(6))]
    for suffix in ("png", "html"):
        code, _, err = predict(capsys, study, *images, "--sheet", tmp_path / f"sheet.{suffix}")
        assert (code, err) == (0, "")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 5 * 200  # five in a row
        assert len(sheet.convert("L").getcolors(256) or []) > 10
    text = (tmp_path / "sheet.html").read_text()
    assert text.count("<figure>") == len(images)
    assert text.count("<dt>lenet5</dt>") == text.count("<dt>resnet20</dt>") == len(images)
    assert "/&lt;b&gt;&amp;.png<dl>" in text  # the path from the folder that all images share
    assert "<b>" not in text
    assert "http" not in text


def test_an_unreadable_image_is_named_and_the_others_are_done(
    digits_run: Run, digit_images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes((digit_images / "0000.png").read_bytes()[:50])
    arguments = (digits_run.folder, broken, digit_images / "0001.png")
    code, out, err = predict(capsys, *arguments, "--json", "--sheet", tmp_path / "sheet.html")
    assert code == 1
    first, second = json.loads(out)
    assert first.keys() == {"image", "run", "model", "error"}
    assert "top" in second
    assert err.startswith(f"cnncompare: {broken} cannot be read")
    assert err.count("\n") == 1
    assert "cannot be read" in (tmp_path / "sheet.html").read_text()
    code, out, _ = predict(capsys, *arguments)
    assert code == 1
    assert "cannot be read" in out


def without_torch(*arguments: Any, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run predict in a process that fails as soon as torch is imported."""
    code = (
        "import sys; sys.modules['torch'] = None; from cnncompare.cli import run; "
        "sys.exit(run(['predict', *sys.argv[1:]]))"
    )
    return run_code(code, *arguments, cwd=cwd)


def test_mistakes_are_answered_in_one_line_before_torch_is_imported(
    digits_run: Run, digit_images: Path, study: Path, tmp_path: Path
) -> None:
    image = digit_images / "0000.png"
    empty = tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "notes.png").write_text("no image")
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    shutil.copytree(digits_run.folder, mixed / "a")
    shutil.copytree(next(study.glob("resnet20*")), mixed / "b")
    forget_checksums(mixed / "b")
    names = json.loads((mixed / "b" / "classes.json").read_text())
    (mixed / "b" / "classes.json").write_text(json.dumps([*names[:-1], "hen"]))
    failed = _with_status(digits_run, tmp_path / "failed", "failed")
    run = digits_run.folder
    for arguments, expected in (
        ((run,), "IMAGE"),
        ((run, image, "--top", "0"), "--top 0 must be 1 or more"),
        ((run, image, "--top", "x"), "--top"),
        ((run, image, "--sheet", "sheet.pdf"), "must end in .png or .html"),
        ((run, image, "--csv", "nowhere/a.csv"), "there is no folder nowhere"),
        ((run, image, "--csv", empty), "is a folder"),
        ((tmp_path / "nothing", image), "is not a folder"),
        ((image, image), "is not a folder"),
        ((empty, image), "there is no run in"),
        ((failed, image), "the run is failed (KeyError: 'x'), not finished"),
        ((mixed, image), "the runs have different classes"),
        ((run, "missing.png"), "there is no such file or folder"),
        ((run, "*.webp"), "no image matches"),
        ((run, empty), "there is no image in this folder"),
        ((run, tmp_path / "notes.png"), "cannot be read (not an image)"),
    ):
        done = without_torch(*arguments, cwd=tmp_path)
        assert done.returncode == 2, (arguments, done.stderr)
        assert expected in done.stderr, arguments
        assert done.stderr.count("\n") == 1, done.stderr
        assert done.stdout == ""
    assert not list(tmp_path.glob("*.csv")) + list(tmp_path.glob("*.html"))


def _with_status(run: Run, folder: Path, status: str) -> Path:
    shutil.copytree(run.folder, folder)
    record = json.loads((folder / "run.json").read_text())
    record |= {"status": status, "error": {"type": "KeyError", "message": "'x'"}}
    (folder / "run.json").write_text(json.dumps(record))
    return folder


def test_unfinished_runs_of_a_study_are_left_out(
    digits_run: Run, digit_images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(digits_run.folder, tmp_path / "study" / "finished")
    _with_status(digits_run, tmp_path / "study" / "interrupted", "interrupted")
    image = digit_images / "0000.png"
    code, out, _ = predict(capsys, tmp_path / "study", image, "--json")
    assert (code, len(json.loads(out))) == (0, 1)
    shutil.rmtree(tmp_path / "study" / "finished")
    _with_status(digits_run, tmp_path / "study" / "failed", "failed")
    code, _, err = predict(capsys, tmp_path / "study", image, "--json")
    assert code == 2
    assert "none of the 2 runs" in err


def test_training_on_a_gpu_needs_none_here(
    digits_run: Run, digit_images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(digits_run.folder, folder)
    record = json.loads((folder / "run.json").read_text())
    record["training"] |= {"accelerator": "cuda", "precision": "16-mixed", "compile": True}
    (folder / "run.json").write_text(json.dumps(record))
    images = sorted(digit_images.iterdir())
    code, out, _ = predict(capsys, folder, *images, "--json", "--top", 1)
    assert code == 0
    found = [answer["top"][0]["class"] for answer in json.loads(out)]
    assert found == [digits_run.classes[i] for i in digits_run.predictions().top5[:, 0]]
