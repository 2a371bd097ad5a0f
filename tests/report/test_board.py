"""Short names of runs for TensorBoard, the links to their folders, and the server itself."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from cnncompare.cli import run as run_command
from cnncompare.errors import UserError
from cnncompare.report.board_command import update_links
from cnncompare.report.board_names import board_names
from cnncompare.runs.resampling import ResamplingSection
from cnncompare.runs.run import Run
from tests.terminal.conftest import make_run


def write(folder: Path, label: str, seed: int = 0, suffix: str = "", **changed: object) -> Run:
    """Return a run with a record on disk; `suffix` sets its folder apart."""
    run = make_run(folder, label, 0.9, seed, **changed)
    run.folder = run.folder.with_name(run.folder.name.replace("0123abcd", suffix or "0123abcd"))
    run.folder.mkdir(parents=True)
    run.save()
    (run.folder / "events.out.tfevents.1.vm.2.0").touch()
    return run


def names(runs: list[Run], *roots: Path) -> list[str]:
    return list(board_names(runs, roots).values())


def test_names_are_network_and_seed(tmp_path: Path) -> None:
    runs = [write(tmp_path, "resnet20", seed) for seed in (0, 1)] + [write(tmp_path, "vgg16")]
    assert names(runs, tmp_path) == ["resnet20/s0", "resnet20/s1", "vgg16/s0"]


def test_settings_that_differ_are_in_the_name(tmp_path: Path) -> None:
    runs = [
        write(tmp_path, "a", suffix=f"0000000{k}", lr=lr, optimizer=optimizer)
        for k, (lr, optimizer) in enumerate([(0.1, "sgd"), (0.05, "sgd"), (0.1, "adamw")])
    ]
    assert names([*runs, write(tmp_path, "b")], tmp_path) == [
        "a/s0 optimizer=sgd lr=0.1",
        "a/s0 optimizer=sgd lr=0.05",
        "a/s0 optimizer=adamw lr=0.1",
        "b/s0",
    ]


def test_runs_whose_settings_are_alike_have_their_hash(tmp_path: Path) -> None:
    runs = [write(tmp_path, "a", suffix=suffix) for suffix in ("11111111", "22222222")]
    assert names(runs, tmp_path) == ["a/s0 11111111", "a/s0 22222222"]


def test_folds_have_their_number(tmp_path: Path) -> None:
    runs = [write(tmp_path, "a", suffix=f"0000000{k}") for k in (1, 2)]
    for number, run in enumerate(runs, start=1):
        fold = ResamplingSection(method="folds", number=number, count=2, n=720, fingerprint="f")
        run.change(data={"resampling": fold})
    assert names(runs, tmp_path) == ["a/s0-fold1", "a/s0-fold2"]


def test_several_experiments_come_first_in_the_name(tmp_path: Path) -> None:
    runs = [write(tmp_path / study, "a") for study in ("first", "sub/second")]
    assert names(runs, tmp_path) == ["first/a/s0", "sub/second/a/s0"]
    assert names(runs, *(run.folder.parent for run in runs)) == ["first/a/s0", "second/a/s0"]
    assert names(runs[:1], tmp_path) == ["a/s0"]


@pytest.mark.parametrize("label", ["../../etc", "/etc/x", "..", "", "a\n\x1b[1mb", "é" * 300])
def test_a_foreign_label_stays_below_the_folder_of_links(tmp_path: Path, label: str) -> None:
    run = write(tmp_path / "study", "a")
    run.change(label=label)
    links = tmp_path / "links"
    links.mkdir()
    update_links(links, [tmp_path / "study"])
    (link,) = (path for path in links.rglob("*") if path.is_symlink())
    assert link.resolve() == run.folder
    assert link.relative_to(links).parts[1:] == ("s0",)


def test_links_follow_runs_that_begin_and_go(tmp_path: Path) -> None:
    study, links = tmp_path / "study", tmp_path / "links"
    links.mkdir()
    runs = [write(study, "a"), write(study, "b")]
    update_links(links, [study])
    runs.append(write(study, "b", suffix="ffffffff", lr=0.5))
    runs[0].folder.rename(tmp_path / "elsewhere")
    (study / "events.out.tfevents.1.vm.2.0.comparison").touch()
    update_links(links, [study])
    found = {str(p.relative_to(links)): p.resolve() for p in links.rglob("*") if p.is_symlink()}
    assert found == {
        "b/s0 lr=0.1": runs[1].folder,
        "b/s0 lr=0.5": runs[2].folder,
        "comparison/events.out.tfevents.1.vm.2.0.comparison": study
        / "events.out.tfevents.1.vm.2.0.comparison",
    }


def test_mistakes_are_answered_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "study", "a")
    (tmp_path / "empty").mkdir()
    wrong = {
        (f"{tmp_path}/no",): "is not a folder; choose one with runs",
        (f"{tmp_path}/empty",): "no runs below",
        (f"{tmp_path}/study", "--port", "99999"): "a port is a number from 0 to 65535",
        (f"{tmp_path}/study", "--port", "x"): "--port",
        (f"{tmp_path}/study", "--logdir", "x"): "unrecognized arguments: --logdir",
        (): "DIR",
    }
    for arguments, message in wrong.items():
        assert run_command(["tensorboard", *arguments]) == 2
        error = capsys.readouterr().err
        assert error.startswith("cnncompare: ")
        assert message in error
        assert error.count("\n") == 1
    with pytest.raises(UserError):
        update_links(tmp_path, [tmp_path / "empty"])


@pytest.mark.slow
def test_the_server_shows_the_short_names_and_ends_with_its_command(tmp_path: Path) -> None:
    from cnncompare.training.loggers.tensorboard import RunBoard

    for seed in (0, 1):
        folder = write(tmp_path / "study", "resnet20", seed).folder
        board = RunBoard(folder)
        board.log_metrics({"val_acc1": 0.5}, step=1)
        board.finalize("success")
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "cnncompare", "tensorboard", "study", "--port", str(port)]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(
        [*command, "--", "--load_fast=false"],
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    try:
        found: list[str] = []
        deadline = time.monotonic() + 120
        while len(found) < 2 and time.monotonic() < deadline:
            time.sleep(1)
            try:
                with urllib.request.urlopen(f"http://localhost:{port}/data/runs") as answer:
                    found = json.load(answer)
            except OSError:
                continue
        assert sorted(found) == ["resnet20/s0", "resnet20/s1"]
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    assert not list(tmp_path.glob("cnncompare-*"))
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"http://localhost:{port}/")
