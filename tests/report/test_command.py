import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnncompare.errors import ConfigError, UserError
from cnncompare.report.command import main
from tests.comparison.factory import simulate, write_run, write_sweep

GROUP = "label n_runs seeds runs acc1 acc5 letters timing memory model fairness"
PAIR = "a b difference low high test p p_holm different"


def printed(root: Path, capsys: pytest.CaptureFixture[str], *options: str) -> Any:
    assert main([str(root), "--json", *options]) == 0
    return json.loads(capsys.readouterr().out)


def test_json_is_the_contracts_object_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    right = write_sweep(tmp_path, {"good": 0.95, "bad": 0.7}, n=300)
    before = sorted(tmp_path.rglob("*"))
    found = printed(tmp_path, capsys)
    assert sorted(tmp_path.rglob("*")) == before
    (table,) = found["tables"]
    assert found["skipped"] == []
    assert set(GROUP.split()) <= set(table["groups"][0])
    assert set(PAIR.split()) <= set(table["pairs"][0])
    assert [g["label"] for g in table["groups"]] == ["good", "bad"]
    assert table["groups"][0]["acc1"]["mean"] == pytest.approx(right["good"].mean())
    assert {"mean", "sd", "low", "high"} <= set(table["groups"][0]["acc1"])
    expected = right["good"].mean() - right["bad"].mean()
    assert table["pairs"][0]["difference"] == pytest.approx(expected)
    assert table["pairs"][0]["different"] is True
    assert [g["letters"] for g in table["groups"]] == ["a", "b"]
    assert table["protocol"]["data"] == "digits"


def test_every_file_of_the_report_is_written(written: Path) -> None:
    for name in ("report.html", "report.md", "report.tex", "report.csv"):
        assert (written / name).stat().st_size > 500
    stems = {p.stem for p in (written / "figures").iterdir()}
    wanted = {"accuracy", "accuracy-epochs", "accuracy-seconds"}
    wanted |= {"epoch-time", "pareto-params", "pairs", "reliability", "per-class", "agreement"}
    assert wanted <= stems
    for stem in stems:
        assert (written / "figures" / f"{stem}.svg").read_text().startswith("<svg")
        assert (written / "figures" / f"{stem}.png").read_bytes().startswith(b"\x89PNG")
        assert (written / "figures" / f"{stem}.pdf").read_bytes().startswith(b"%PDF")


def test_tensorboard_finds_the_figures(written: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (file,) = written.glob("events.out.tfevents.*.comparison")
    events = EventAccumulator(str(file)).Reload()
    assert "report/accuracy" in events.Tags()["images"]
    assert not (written / "report").exists()  # it would be a run of that name


def test_tensorboard_finds_the_verdict(written: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (file,) = written.glob("events.out.tfevents.*.comparison")
    (event,) = EventAccumulator(str(file)).Reload().Tensors("comparison/verdict")
    (text,) = (value.decode() for value in event.tensor_proto.string_val)
    assert text.startswith("### digits")
    assert "\n- On digits, 3 epochs, 3 seeds" in text or "\n- On digits" in text
    assert "lenet5" in text
    assert "<script>" not in text


def test_an_earlier_event_file_is_replaced_and_those_of_runs_are_kept(
    tmp_path: Path,
) -> None:
    from cnncompare.report.tensorboard import write_events

    own = tmp_path / "events.out.tfevents.1.vm.2.0"  # of a run, if its folder gets the report
    old, foreign = tmp_path / "report" / "events.out.tfevents.3.vm", tmp_path / "report" / "notes"
    (tmp_path / "report").mkdir()
    for path in (own, old, foreign):
        path.touch()
    for verdict in ("first", "second"):
        write_events(verdict, [], {}, tmp_path / "figures", tmp_path)
    assert len(list(tmp_path.glob("events.out.tfevents.*.comparison"))) == 1
    assert own.exists()
    assert foreign.exists()
    assert not old.exists()


def test_markdown_has_findings_and_excluded_runs(written: Path) -> None:
    text = (written / "report.md").read_text()
    assert "On digits, 4 epochs, 3 seeds:" in text
    assert "failed: RuntimeError: it broke" in text
    assert "<script>" not in text


def test_html_escapes_every_name(written: Path) -> None:
    page = (written / "report.html").read_text()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert "<img src=x" not in page
    assert not re.search(r'(src|href)="(https?:)?//', page)


def test_report_on_the_command_line(tmp_path: Path) -> None:
    write_sweep(tmp_path, {"good": 0.95, "bad": 0.7}, n=200)
    command = [sys.executable, "-m", "cnncompare", "report", str(tmp_path), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["tables"]
    assert done.stderr == ""


def test_no_torch_is_imported(tmp_path: Path) -> None:
    write_sweep(tmp_path, {"good": 0.95, "bad": 0.7}, seeds=2, n=100)
    code = (
        "import sys; from cnncompare.report.command import main; "
        f"main([{str(tmp_path)!r}, '--json']); import cnncompare.report.write; "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "no runs below"),
        (["--target", "90"], "did you mean 0.9"),
        (["--metric", "top2"], "did you mean"),
        (["--wrong"], "report --help"),
    ],
)
def test_bad_input_is_one_line(tmp_path: Path, options: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        main([str(tmp_path), *options])
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a folder"):
        main([str(tmp_path / "absent")])


def test_no_finished_run(tmp_path: Path) -> None:
    write_sweep(tmp_path, {"a": 0.9}, seeds=2, n=20, status="failed")
    with pytest.raises(UserError, match=r"none of the 2 runs .* it broke"):
        main([str(tmp_path)])


def test_an_output_folder_that_is_not_writable(tmp_path: Path) -> None:
    write_sweep(tmp_path, {"a": 0.9}, seeds=1, n=20)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="choose --out"):
        main([str(tmp_path), "--out", str(tmp_path / "file")])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--baseline", "vgg16"], "compared with the baseline vgg16"),
        (["--metric", "ece"], "calibration error"),
        (["--metric", "nll"], "test loss"),
        (["--target", "0.5"], "time to 50 % (s)"),
    ],
)
@pytest.mark.usefixtures("no_figures")
def test_options_change_the_report(sweep_of_two: Path, options: list[str], text: str) -> None:
    assert main([str(sweep_of_two), "--out", str(sweep_of_two / "out"), *options]) == 0
    assert text in (sweep_of_two / "out" / "report.md").read_text()


@pytest.fixture
def sweep_of_two(tmp_path: Path) -> Path:
    write_sweep(tmp_path, {"resnet20": 0.9, "vgg16": 0.8}, seeds=2, n=100)
    return tmp_path


def test_group_by(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for lr in (0.1, 0.01):
        write_sweep(tmp_path, {"a": 0.9, "b": 0.8}, seeds=2, n=100, lr=lr)
    found = printed(tmp_path, capsys, "--group-by", "optimizer.lr", "--filter", "model.name=a")
    (table,) = found["tables"]
    labels = {g["label"] for g in table["groups"]}
    assert labels == {"optimizer.lr=0.1", "optimizer.lr=0.01"}


@pytest.mark.parametrize("classes", [2, 1000])
@pytest.mark.usefixtures("no_figures")
def test_few_and_many_classes(tmp_path: Path, classes: int) -> None:
    rng = np.random.default_rng(0)
    for label in ("a", "b"):
        write_run(tmp_path, label, 0, rng.random(1500) < 0.8, classes=classes)
    assert main([str(tmp_path)]) == 0
    page = (tmp_path / "report.html").stat().st_size
    assert page < 3e6


@pytest.mark.usefixtures("no_figures")
def test_one_run_alone_still_gets_a_report(tmp_path: Path) -> None:
    write_run(tmp_path, "a", 0, np.arange(50) < 40)
    assert main([str(tmp_path)]) == 0
    assert "nothing to compare it with" in (tmp_path / "report.md").read_text()


@pytest.mark.usefixtures("no_figures")
def test_runs_without_images_still_get_a_report(tmp_path: Path) -> None:
    write_sweep(tmp_path, {"a": 0.9, "b": 0.8}, seeds=2, n=50)
    for path in [*tmp_path.rglob("predictions.npz"), *tmp_path.rglob("epochs.csv")]:
        path.unlink()
    assert main([str(tmp_path)]) == 0
    assert "predictions" in (tmp_path / "report.md").read_text()


@pytest.mark.usefixtures("no_figures")
def test_two_protocols_give_two_tables_and_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_sweep(tmp_path, {"a": 0.9, "b": 0.8}, seeds=2, n=50, epochs=3)
    write_sweep(tmp_path, {"a": 0.9, "b": 0.8}, seeds=2, n=50, epochs=6)
    assert main([str(tmp_path)]) == 0
    assert "2 tables" in capsys.readouterr().out
    assert "they differ in epochs" in (tmp_path / "report.md").read_text()
    assert '"table-2-accuracy"' in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize("margin", ["0", "-1", "100", "nan", "inf"])
def test_a_margin_must_be_positive_and_below_100_points(tmp_path: Path, margin: str) -> None:
    write_sweep(tmp_path, {"a": 0.9, "b": 0.8}, n=50)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ConfigError, match=rf"^--margin {margin}: a margin must be positive"):
        main([str(tmp_path), f"--margin={margin}"])
    assert sorted(tmp_path.rglob("*")) == before


def test_a_margin_is_a_share_in_the_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_sweep(tmp_path, {"a": 0.95, "b": 0.95, "c": 0.5}, seeds=5, n=3000)
    (table,) = printed(tmp_path, capsys, "--margin", "3")["tables"]
    verdicts = {frozenset((p["a"], p["b"])): p["verdict"] for p in table["pairs"]}
    assert verdicts == {
        frozenset("ab"): "same",
        frozenset("ac"): "better",
        frozenset("bc"): "better",
    }
    assert {pair["margin"] for pair in table["pairs"]} == {0.03}
    (table,) = printed(tmp_path, capsys)["tables"]
    assert {pair["margin"] for pair in table["pairs"]} == {None}
    assert {pair["verdict"] for pair in table["pairs"]} == {"better", "undecided"}
    assert table["best"]["of"] == 3
    assert table["letters_about"] == "seeds and images"


def test_seeds_added_after_a_report_are_tested_with_allowance(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    right = simulate(np.random.default_rng(0), {"a": 0.95, "b": 0.9}, seeds=5, n=500)
    for label, rows in right.items():
        for seed in range(3):
            write_run(tmp_path, label, seed, rows[seed])
    assert main([str(tmp_path)]) == 0
    for label, rows in right.items():
        for seed in (3, 4):
            write_run(tmp_path, label, seed, rows[seed])
    capsys.readouterr()
    (pair,) = printed(tmp_path, capsys)["tables"][0]["pairs"]
    assert (pair["looks"], pair["test"]) == (1, "seeds-and-images-sequential")
    (pair,) = printed(tmp_path, capsys, "--planned-seeds", "5")["tables"][0]["pairs"]
    assert (pair["looks"], pair["test"]) == (0, "seeds-and-images")
    (table,) = printed(tmp_path, capsys, "--planned-seeds", "6")["tables"]
    assert table["pairs"][0]["test"] == "seeds-and-images-sequential"
    with pytest.raises(ConfigError, match="a network has 5 seeds, more than were planned"):
        main([str(tmp_path), "--planned-seeds", "3"])
    with pytest.raises(ConfigError, match="at least 1 seed"):
        main([str(tmp_path), "--planned-seeds", "0"])


def test_a_plan_with_seeds_missing_is_not_tested_as_if_it_were_finished(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One network has all planned seeds, so that only the pairs with the other two are open."""
    right = simulate(np.random.default_rng(0), {"a": 0.95, "b": 0.9, "c": 0.8}, seeds=4, n=500)
    for label, seeds in {"a": 4, "b": 3, "c": 4}.items():
        for seed in range(seeds):
            write_run(tmp_path, label, seed, right[label][seed])
    (table,) = printed(tmp_path, capsys, "--planned-seeds", "4")["tables"]
    tests = {frozenset((p["a"], p["b"])): p for p in table["pairs"]}
    assert tests[frozenset("ac")]["test"] == "seeds-and-images"
    assert tests[frozenset("ab")]["test"] == "seeds-and-images-sequential"
    assert {pair["looks"] for pair in tests.values()} == {0}
    (sentence,) = [text for text in table["verdict"] if "planned" in text]
    assert "--planned-seeds 4): b has 3." in sentence
    (fixed,) = printed(tmp_path, capsys)["tables"]
    sharper = {frozenset((p["a"], p["b"])): p["p"] for p in fixed["pairs"]}
    assert sharper[frozenset("ab")] < tests[frozenset("ab")]["p"]
    write_run(tmp_path, "b", 3, right["b"][3])
    (table,) = printed(tmp_path, capsys, "--planned-seeds", "4")["tables"]
    assert {pair["test"] for pair in table["pairs"]} == {"seeds-and-images"}
    assert not any("planned" in text for text in table["verdict"])
