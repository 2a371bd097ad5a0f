"""What is printed, on terminals of several widths and into a file."""

import io
import os
import pty
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from cnncompare.runs import record as parts
from cnncompare.runs.run import Run
from cnncompare.terminal import console as terminal_console
from cnncompare.terminal import run_tables as console
from tests.comparison.factory import evaluation

DASH = "\u2013"


def _training(seed: int, **changed: object) -> parts.TrainingSection:
    values: dict[str, object] = {
        name: {"str": "x", "int": 1, "float": 0.1, "bool": False}.get(
            getattr(field.annotation, "__name__", "")
        )
        for name, field in parts.TrainingSection.model_fields.items()
    }
    lists = {"mean": [0.5], "std": [0.5], "augment": {}, "model_changes": []}
    return parts.TrainingSection.model_validate(
        values | lists | {"seed": seed, "epochs_done": 5} | changed
    )


def _run(folder: Path, label: str, acc1: float | None, seed: int = 0, **changed: object) -> Run:
    record = parts.RunRecord(
        id=f"{label}-digits-e5-d1-s{seed}-0123abcd",
        label=label,
        name="default",
        status="finished" if acc1 is not None else "failed",
        started_at="2026-01-01T00:00:00.000+00:00",
        config_hash="0123abcd",
        training=_training(seed, **changed),
    )
    if acc1 is None:
        record.error = parts.Failure(type="RuntimeError", message="out of [memory]")
        return Run(folder / record.id, record)
    record.model = parts.ModelSection(
        name=label, source="own", stem="cifar", params=11_173_962, macs=555_422_720,
        size_mb=44.7, input_size=[3, 32, 32],
    )  # fmt: skip
    record.data = parts.DataSection(name="digits", classes=10, n_test=360, fingerprint="f")
    record.best = parts.BestSection(epoch=4, val_acc1=0.9791)
    record.test = parts.TestSection(
        acc1=acc1, acc5=1.0, loss=0.1, n=360, correct1=350, correct5=360
    )
    record.timing = parts.TimingSection(epoch_s=1.2345, images_per_s=12345.6)
    record.memory = parts.MemorySection(peak_rss_mib=612.3)
    return Run(folder / record.id, record)


def _printed(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    width: int | None,
    show: Callable[[], object],
) -> str:
    """Return what `show` prints on a terminal `width` columns wide, or into a file."""
    if width is not None:
        wide = Console
        monkeypatch.setattr(
            terminal_console, "Console", lambda **options: wide(**(options | {"width": width}))
        )
    show()
    return capsys.readouterr().out


def _runs(folder: Path) -> list[Run]:
    return [
        _run(folder, "lenet5", 0.9111),
        _run(folder, "broken", None),
        _run(folder, "mobilenet_v2", 0.9722, seed=1),
    ]


def test_the_result_has_every_number_and_its_folder_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / ("long-" * 20) / "with space"
    run = _run(folder, "resnet18", 0.97222)
    text = _printed(monkeypatch, capsys, 40, lambda: console.print_result(run))
    for part in ("97.2 %", "100.0 %", "360", "97.9 %", "1.23 s", "12,346", "11,173,962", "612"):
        assert part in text
    assert "GPU" not in text
    assert shlex.split(text.splitlines()[-1]) == [str(run.folder)]


def test_a_folder_below_the_working_one_is_shown_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run = _run(tmp_path / "outputs" / "default", "resnet18", 0.9)
    text = _printed(monkeypatch, capsys, None, lambda: console.print_result(run))
    assert text.splitlines()[-1] == f"outputs/default/{run.record.id}"


def test_given_weights_have_their_check_and_no_epochs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = _run(tmp_path, "resnet18", 0.6364)
    run.record.training = None
    run.record.evaluation = parts.EvaluationSection.model_validate(
        {
            **evaluation(
                on_corrupt_image="count_wrong", corrupt_images=["val/n01440764/x.JPEG: truncated"]
            ),
            "check": {"verdict": "differs", "message": "differs: top-1 63.64 %, published 69.76 %"},
        }
    )
    console.print_result(run)
    printed = capsys.readouterr().out
    assert "differs: top-1 63.64 %, published 69.76 %" in printed
    assert "could not be read, counted as wrong: val/n01440764/x.JPEG: truncated" in printed
    assert "epoch" not in printed
    assert "val top-1" not in printed
    console.print_comparison([run])
    assert "resnet18: differs: top-1 63.64 %" in capsys.readouterr().out


def test_what_was_not_measured_is_a_dash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = _run(tmp_path, "broken", None)
    text = _printed(monkeypatch, capsys, None, lambda: console.print_result(run))
    assert re.search(rf"test top-1 +{DASH}", text)
    assert "nan" not in text.lower()
    assert "None" not in text


def test_the_best_comes_first_and_failures_last_with_their_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = _runs(tmp_path)
    text = _printed(monkeypatch, capsys, None, lambda: console.print_comparison(runs))
    rows = [line.split()[0] for line in text.splitlines() if line.split()]
    assert rows[:5] == ["model", rows[1], "mobilenet_v2", "lenet5", "broken"]
    assert "broken-digits-e5-d1-s0-0123abcd: out of [memory]" in text
    assert text.splitlines()[-1] == str(tmp_path)
    header = text.splitlines()[1]
    columns = ["seed", "status", "val top-1", "test top-1", "epoch s", "images/s", "params"]
    assert all(name in header for name in [*columns, "MMACs", "peak MiB"])
    assert "\x1b" not in text
    assert "555.4" in text


@pytest.mark.parametrize("width", [30, 40, 60, 80, 120, 160])
def test_a_narrow_terminal_loses_columns_not_digits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int
) -> None:
    runs = [run for run in _runs(tmp_path) if run.record.error is None]
    text = _printed(monkeypatch, capsys, width, lambda: console.print_comparison(runs))
    table = text.splitlines()[1:-1]
    assert all(len(line) <= width for line in table)
    assert "…" not in text
    (row,) = [line for line in table if line.lstrip().startswith("mobilenet_v2")]
    assert "97.2 %" in row
    if "params" in table[0]:
        assert "11,173,962" in row


def test_only_settings_that_differ_have_a_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [_run(tmp_path, "a", 0.5, lr=0.1), _run(tmp_path, "a", 0.6, lr=0.025)]
    text = _printed(monkeypatch, capsys, None, lambda: console.print_comparison(runs))
    header, _, first, second = text.splitlines()[1:5]
    assert header.split()[:2] == ["model", "lr"]
    assert [first.split()[1], second.split()[1]] == ["0.025", "0.1"]


def test_no_runs_prints_an_empty_table(capsys: pytest.CaptureFixture[str]) -> None:
    console.print_comparison([])
    assert "test top-1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("share", "text"),
    [(None, DASH), (float("nan"), DASH), (0.0, "0.0 %"), (0.9722, "97.2 %"), (1.0, "100.0 %"),
     (0.9999, "99.9 %")],
)  # fmt: skip
def test_percent(share: float | None, text: str) -> None:
    assert console.percent(share) == text


def test_a_variable_puts_no_control_characters_into_a_file() -> None:
    code = (
        "from cnncompare.terminal.console import make_console, progress_mode;"
        "make_console().print('[red]\u2013[/]'); print(progress_mode('auto'))"
    )
    environment = os.environ | {"FORCE_COLOR": "1", "PYTHONIOENCODING": "latin-1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert done.stdout.splitlines() == [b"?", b"lines"]


@pytest.mark.parametrize(("term", "mode"), [("xterm", "bar"), ("dumb", "lines")])
def test_auto_is_a_bar_on_a_terminal(term: str, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    master, slave = pty.openpty()
    with os.fdopen(slave, "w") as terminal:
        monkeypatch.setattr(sys, "stdout", terminal)
        monkeypatch.setenv("TERM", term)
        assert terminal_console.progress_mode("auto") == mode
    os.close(master)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert terminal_console.progress_mode("auto") == "lines"
    assert terminal_console.progress_mode("off") == "off"


def test_the_next_steps_are_commands_that_can_be_copied(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "outputs" / "my study"
    console.print_next_steps([folder, folder])
    lines = capsys.readouterr().out.strip().splitlines()
    assert lines[0] == "results      'outputs/my study'"
    assert lines[1].endswith("-m cnncompare report 'outputs/my study'")
    assert lines[2].endswith("-m tensorboard.main --logdir 'outputs/my study'")
    assert len(lines) == 3
