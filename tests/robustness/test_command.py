"""The command robustness: its numbers, its files, resuming, and its answers to mistakes."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cnncompare import cli, load
from cnncompare.config.compose import compose_config
from cnncompare.data.augment import adapt
from cnncompare.data.corruptions import CORRUPTIONS, corrupt
from cnncompare.errors import Interrupted
from cnncompare.runs.robustness_file import SavedCells, read_cells
from cnncompare.runs.run import Run
from cnncompare.training.build import build_data, find_pretrained_reference
from tests.runs.edits import forget_checksums

FEW = ("--corruptions", "gaussian_noise,pixelate", "--severities", "1,5")


def robustness(capsys: pytest.CaptureFixture[str], *arguments: Any) -> tuple[int, str, str]:
    capsys.readouterr()
    code = cli.run(["robustness", *map(str, arguments)])
    return (code, *capsys.readouterr())


def runs_in(study: Path) -> list[Run]:
    return [Run.read(path.parent) for path in sorted(study.rglob("run.json"))]


def saved_of(run: Run, name: str = "robustness.npz") -> SavedCells:
    saved = read_cells(run.folder / name)
    assert saved is not None
    return saved


@pytest.fixture
def study(trained_pair: Path, tmp_path: Path) -> Path:
    """Return a copy of the study, so that each test starts without results."""
    shutil.copytree(trained_pair, tmp_path / "pair")
    return tmp_path / "pair"


@pytest.fixture
def one(trained_pair: Path, tmp_path: Path) -> Path:
    """Return the copy of one run."""
    (folder,) = trained_pair.glob("lenet5-*")
    shutil.copytree(folder, tmp_path / folder.name)
    return tmp_path / folder.name


@pytest.fixture(scope="module")
def evaluated(trained_pair: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a study that was evaluated on all cells, with the printed object."""
    folder = tmp_path_factory.mktemp("evaluated") / "pair"
    shutil.copytree(trained_pair, folder)
    assert cli.run(["robustness", str(folder), "--csv", str(folder / "all.csv")]) == 0
    return folder


def test_the_saved_predictions_are_those_of_the_network_on_the_corrupted_images(
    evaluated: Path,
) -> None:
    for run in runs_in(evaluated):
        config = compose_config([], run.folder)
        data = build_data(config, find_pretrained_reference(config))
        data.prepare()
        stored = data.stored_test_images(range(data.n_test))
        pixels = stored.permute(0, 2, 3, 1).numpy()
        found = load(run.folder)
        saved = saved_of(run)
        assert (saved.label == data.test_labels.numpy()).all()
        protocol = run.record.settings
        assert protocol is not None
        for cell in (("motion_blur", 2), ("shot_noise", 5), ("jpeg_compression", 3)):
            changed = torch.from_numpy(corrupt(pixels, *cell, range(data.n_test)))
            images = adapt(changed.permute(0, 3, 1, 2), data.image_shape).float() / 255
            mean, sd = (torch.tensor(m).view(-1, 1, 1) for m in (protocol.mean, protocol.std))
            with torch.inference_mode():
                logits = found.model()((images - mean) / sd)
            assert (logits.argmax(dim=1).numpy() == saved.cells[cell].top1).all()
            confidence = logits.softmax(dim=1).max(dim=1).values
            assert np.allclose(confidence.numpy(), saved.cells[cell].confidence, atol=1e-5)


def test_clean_predictions_are_those_of_the_record(evaluated: Path) -> None:
    for run in runs_in(evaluated):
        clean = saved_of(run).cells["clean", 0]
        assert (clean.top1 == run.predictions().top5[:, 0]).all()


def test_json_has_clean_corrupted_and_drop(
    evaluated: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = robustness(capsys, evaluated, "--json")
    assert (code, err) == (0, "")
    content = json.loads(out)
    (table,) = content["tables"]
    assert (table["set"], table["data"], table["n"]) == ("generated", "digits", 50)
    assert table["corruptions"] == list(CORRUPTIONS)
    assert table["severities"] == [1, 2, 3, 4, 5]
    runs = {run.record.id: run for run in runs_in(evaluated)}
    assert sorted(id_ for group in table["groups"] for id_ in group["runs"]) == sorted(runs)
    for group in table["groups"]:
        (run,) = (runs[id_] for id_ in group["runs"])
        saved = saved_of(run)
        cells = [
            saved.cells[name, s].top1 == saved.label for name in CORRUPTIONS for s in range(1, 6)
        ]
        assert group["clean"]["mean"] == run.record.test.acc1
        assert group["corrupted"]["mean"] == pytest.approx(np.mean(cells))
        assert group["drop"]["mean"] == pytest.approx(run.record.test.acc1 - np.mean(cells))
        for score in ("clean", "corrupted", "drop"):
            assert group[score]["low"] < group[score]["mean"] < group[score]["high"]
        assert group["by_corruption"]["gaussian_noise"] == pytest.approx(np.mean(cells[:5]))
        assert group["by_severity"]["1"] == pytest.approx(np.mean(cells[::5]))
        assert len(group["cells"]) == 40
    first, second = (group["corrupted"]["mean"] for group in table["groups"])
    assert first >= second
    measures = {pair["measure"]: pair for pair in table["pairs"]}
    assert measures["corrupted"]["difference"] == pytest.approx(first - second)
    assert measures["clean"]["test"] == "mcnemar-exact"
    assert {pair["verdict"] for pair in table["pairs"]} <= {"better", "same", "undecided"}


def test_csv_counts_each_image_once(evaluated: Path) -> None:
    rows = list(csv.DictReader((evaluated / "all.csv").read_text().splitlines()))
    assert len(rows) == 2 * 41
    assert {row["n"] for row in rows} == {"50"}
    assert {row["corruption"] for row in rows} == {"clean", *CORRUPTIONS}


def test_the_table_names_networks_and_corruptions(
    evaluated: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = robustness(capsys, evaluated)
    assert code == 0
    for text in ("lenet5", "quicknet", "8 corruptions x 5 severities, 50 images", "motion blur"):
        assert text in out


def test_the_record_stays_as_it_is(one: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {p: p.read_bytes() for p in sorted(one.rglob("*")) if p.is_file()}
    code, _, err = robustness(capsys, one, *FEW)
    assert (code, err) == (0, "")
    after = {p: p.read_bytes() for p in sorted(one.rglob("*")) if p.is_file()}
    assert {path: after[path] for path in before} == before
    new = {path.name for path in after.keys() - before.keys() if ".locks" not in str(path)}
    assert new == {"robustness.npz"}


def test_finished_cells_are_not_computed_again(
    one: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    robustness(capsys, one, *FEW)
    computed: list[tuple[str, int]] = []

    def note(images: Any, name: str, severity: int, positions: Any) -> Any:
        computed.append((name, severity))
        return corrupt(images, name, severity, positions)

    monkeypatch.setattr("cnncompare.robustness.evaluate.corrupt", note)
    first = robustness(capsys, one, *FEW, "--json")
    assert computed == []
    code, _, _ = robustness(capsys, one, "--corruptions", "pixelate", "--severities", "1,2")
    assert (code, set(computed)) == (0, {("pixelate", 2)})
    assert robustness(capsys, one, *FEW, "--json") == first  # other cells do not count here


def test_an_interruption_keeps_finished_cells(
    one: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:

    def stop(images: Any, name: str, severity: int, positions: Any) -> Any:
        if (name, severity) == ("pixelate", 5):
            raise Interrupted(15)
        return corrupt(images, name, severity, positions)

    with monkeypatch.context() as patch:
        patch.setattr("cnncompare.robustness.evaluate.corrupt", stop)
        code, out, err = robustness(capsys, one, *FEW)
    assert (code, out) == (143, "")
    assert err == "cnncompare: stopped by SIGTERM; the same command continues\n"
    cells = [set(saved_of(run).cells) for run in runs_in(one)]
    assert all(len(some) == 4 for some in cells)
    assert robustness(capsys, one, *FEW)[0] == 0
    assert all(len(saved_of(run).cells) == 5 for run in runs_in(one))


def test_results_of_other_weights_are_computed_again(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    robustness(capsys, study, *FEW)
    run, other = runs_in(study)
    shutil.copyfile(other.folder / "robustness.npz", run.folder / "robustness.npz")
    robustness(capsys, study, *FEW)
    assert saved_of(run).about["run"] == run.record.id
    (run.folder / "robustness.npz").write_bytes(b"PK\x03\x04 corrupt")
    assert robustness(capsys, study, *FEW)[0] == 0
    assert len(saved_of(run).cells) == 5


def test_a_limit_takes_evenly_spaced_images_with_the_same_noise(
    evaluated: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = robustness(capsys, evaluated, *FEW, "--limit", 10, "--json")
    assert code == 0
    (table,) = json.loads(out)["tables"]
    assert (table["n"], table["n_set"]) == (10, 50)
    for run in runs_in(evaluated):
        whole, saved = saved_of(run), saved_of(run, "robustness-limit10.npz")
        assert saved.position.tolist() == list(range(0, 50, 5))
        for cell in saved.cells:
            assert (whole.cells[cell].top1[::5] == saved.cells[cell].top1).all()
        hits = run.predictions().top5[::5, 0] == run.predictions().label[::5]
        (group,) = (g for g in table["groups"] if run.record.id in g["runs"])
        assert group["clean"]["mean"] == hits.mean()


def test_a_run_without_weights_is_named_and_the_others_count(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, other = runs_in(study)
    best = run.folder / "checkpoints" / "best.ckpt"
    content = best.read_bytes()
    best.unlink()
    code, out, err = robustness(capsys, study, *FEW, "--json")
    assert code == 1
    assert err == f"cnncompare: {best}: there is no such file; the run has no weights\n"
    (table,) = json.loads(out)["tables"]
    assert [group["runs"] for group in table["groups"]] == [[other.record.id]]
    code, out, err = robustness(capsys, run.folder, *FEW)
    assert (code, out, err.count("\n")) == (2, "", 1)
    best.write_bytes(content[:-100] + bytes(100))
    code, out, err = robustness(capsys, run.folder, *FEW)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "does not match its checksum" in err
    forget_checksums(run.folder)  # as a run of an earlier version
    code, out, err = robustness(capsys, run.folder, *FEW)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "is not a checkpoint, or it is corrupt" in err


def test_weights_that_did_not_make_the_predictions_are_refused(
    one: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = runs_in(one)[0]
    path = run.folder / "checkpoints" / "best.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    for tensor in checkpoint["state_dict"].values():
        tensor.mul_(-1)
    torch.save(checkpoint, path)
    forget_checksums(run.folder)
    code, out, err = robustness(capsys, run.folder, *FEW)
    assert (code, out) == (1, "")
    assert "another class than predictions.npz holds" in err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--corruptions", "gausian_noise"], "did you mean 'gaussian_noise'"),
        (["--corruptions", ","], "--corruptions names none of"),
        (["--corruptions", "fog"], "there is no such corruption"),
        (["--severities", "0"], "expected some of 1,2,3,4,5"),
        (["--severities", "1-5"], "expected some of 1,2,3,4,5"),
        (["--severities", ""], "expected some of 1,2,3,4,5"),
        (["--limit", "1"], "--limit 1: expected at least 2 images"),
        (["--limit", "many"], "invalid int value"),
        (["--margin", "0"], "a margin must be positive"),
        (["--csv", "missing/file.csv"], "there is no folder missing"),
        (["--csv", "."], "is a folder; name a file"),
        (["--cifar10-c", "missing"], "missing is not a folder"),
        (["--cifar10-1", "missing"], "missing is not a folder"),
    ],
)
def test_a_mistake_is_answered_in_one_line(
    arguments: list[str],
    expected: str,
    trained_pair: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = robustness(capsys, trained_pair, *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert expected in err
    assert not list(trained_pair.rglob("robustness*.npz"))


def test_a_folder_without_a_finished_run_is_refused(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder, expected in (
        (tmp_path / "none", "is not a folder"),
        (tmp_path, "there is no run in"),
    ):
        shutil.rmtree(study, ignore_errors=True)
        code, out, err = robustness(capsys, folder)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert expected in err


def test_a_study_of_failed_runs_is_refused(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for run in runs_in(study):
        forget_checksums(run.folder)
        text = (run.folder / "run.json").read_text()
        (run.folder / "run.json").write_text(text.replace('"finished"', '"interrupted"', 1))
    code, out, err = robustness(capsys, study)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "is finished and tested" in err


def test_changed_test_images_are_refused(one: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for run in runs_in(one):
        forget_checksums(run.folder)
        path = run.folder / "config.yaml"
        path.write_text(path.read_text().replace("limit_test: 50", "limit_test: 40"))
    code, out, err = robustness(capsys, one, *FEW)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "test images are corrupted, but those of data=digits have changed" in err
