"""The public interface: compose, train, load, and what a run and a study answer."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import cnncompare
from cnncompare import cli
from cnncompare.errors import ConfigError, DataError, UserError
from cnncompare.training import train as train_module

SMALL = (
    *("data=digits", "data.limit_train=200", "data.limit_test=50", "data.batch_size=32"),
    *("trainer.max_epochs=2", "trainer.accelerator=cpu", "trainer.threads=1", "optimizer=adamw"),
    *("logger=[]", "display=minimal", "name=study"),
)


@pytest.fixture(scope="module")
def study_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a study of two finished runs and one that failed."""
    root = tmp_path_factory.mktemp("outputs")
    for seed in (0, 1):
        cnncompare.train(_config(root, "model=lenet5", f"seed={seed}"))
    failed = root / "study" / "failed"
    shutil.copytree(next((root / "study").glob("*-s1-*")), failed)
    record = json.loads((failed / "run.json").read_text())
    record |= {"id": "failed", "status": "failed", "error": {"type": "E", "message": "m"}}
    (failed / "run.json").write_text(json.dumps(record))
    return root / "study"


def _config(root: Path, *overrides: str) -> Any:
    return cnncompare.compose([*SMALL, f"output_root={root}", *overrides])


def run_of(study_folder: Path, seed: int = 0) -> cnncompare.Run:
    run = cnncompare.load(next(study_folder.glob(f"*-s{seed}-*")))
    assert isinstance(run, cnncompare.Run)
    return run


def test_the_package_is_lazy() -> None:
    code = (
        "import sys, cnncompare; assert set(cnncompare.__all__) <= set(dir(cnncompare)); "
        "assert not any(name in sys.modules for name in ('torch', 'hydra', 'numpy', 'pandas')); "
        "cnncompare.compose(['data=digits']); cnncompare.load; cnncompare.train; cnncompare.Run; "
        "print([name for name in ('torch', 'pytorch_lightning') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'predict'"):
        cnncompare.predict  # noqa: B018


def test_a_composed_configuration_is_that_of_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = _config(tmp_path, "model=lenet5", "seed=3")
    assert (config.seed, config.model.name, config.optimizer.name) == (3, "lenet5", "adamw")
    with pytest.raises(ConfigError, match="unknown key modle"):
        cnncompare.compose(["+modle=vgg16"])
    with pytest.raises(ConfigError, match="seed=0,1 has 2 values"):
        cnncompare.compose(["seed=0,1"])


def test_a_run_s_own_configuration_is_composed(study_folder: Path, tmp_path: Path) -> None:
    run = run_of(study_folder)
    for path in (run.folder, str(run.folder / "config.yaml"), os.path.relpath(run.folder)):
        assert cnncompare.compose(config=path).hash() == run.record.config_hash
    changed = cnncompare.compose(["seed=7", "optimizer.lr=0.5"], config=run.folder)
    assert (changed.seed, changed.optimizer.lr, changed.model.name) == (7, 0.5, "lenet5")
    assert changed.run_folder().parent == study_folder
    for overrides, path, message in (
        (["model=vgg16"], run.folder, "model=vgg16: .* no options to choose"),
        (["sed=1"], run.folder, "unknown key sed"),
        ([], run.folder / "run.json", "give the folder of a run"),
        ([], tmp_path, "give the folder of a run"),
        ([], tmp_path / "nowhere", "give the folder of a run"),
    ):
        with pytest.raises(ConfigError, match=message) as raised:
            cnncompare.compose(overrides, config=path)
        assert "\n" not in str(raised.value)


def test_composing_inside_a_hydra_program_keeps_its_state() -> None:
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    from cnncompare.config.files import conf_folder

    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        before = GlobalHydra.instance().hydra
        cnncompare.compose(["data=digits"])
        assert GlobalHydra.instance().hydra is before


def test_a_finished_run_is_returned_without_training(
    study_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(study_folder)
    monkeypatch.setattr(train_module, "train", lambda config: pytest.fail("trained again"))
    again = cnncompare.train(cnncompare.compose(config=run.folder))
    assert isinstance(again, cnncompare.Run)
    assert again.record == run.record


def test_a_run_answers(study_folder: Path) -> None:
    run = run_of(study_folder)
    assert repr(run) == f"<Run {run.record.id}, finished>"
    assert run.classes == [str(digit) for digit in range(10)]
    assert len(run.epochs()) == 2
    saved = run.predictions()
    assert (saved.top5[:, 0] == saved.label).mean() == pytest.approx(run.record.test.acc1)


def test_the_model_takes_normalised_images_and_gives_the_saved_predictions(
    study_folder: Path,
) -> None:
    from cnncompare.training.build import build_data

    run = run_of(study_folder)
    network = run.model()
    assert not network.training
    data = build_data(cnncompare.compose(config=run.folder), None)
    data.prepare()
    with torch.no_grad():
        best = [network(images).argmax(dim=1) for images, *_ in data.test_dataloader()]
    assert torch.cat(best).tolist() == run.predictions().top5[:, 0].tolist()
    settings = run.record.settings
    raw = data.test_images(range(50)) / 255
    mean, std = (torch.tensor(values).view(-1, 1, 1) for values in (settings.mean, settings.std))
    batches = torch.cat([images for images, *_ in data.test_dataloader()])
    assert torch.allclose((raw - mean) / std, batches, atol=1e-5)


def test_images_are_predicted_from_files(study_folder: Path, tmp_path: Path) -> None:
    from PIL import Image

    run = run_of(study_folder)
    Image.new("L", (8, 8)).save(tmp_path / "black.png")
    (tmp_path / "broken.png").write_text("none")
    (answer,) = run.predict(tmp_path / "black.png", top=2)
    assert answer.keys() == {"image", "run", "model", "top"}
    assert len(answer["top"]) == 2
    broken, same = run.predict([tmp_path / "broken.png", str(tmp_path / "black.png")], top=2)
    assert "error" in broken
    assert [e["class"] for e in same["top"]] == [e["class"] for e in answer["top"]]
    for one, other in zip(same["top"], answer["top"], strict=True):
        assert one["confidence"] == pytest.approx(other["confidence"], rel=1e-5)
    assert len(run.predict([tmp_path])) == 2
    with pytest.raises(DataError, match="no such file"):
        run.predict("missing.png")
    with pytest.raises(ValueError, match="top=0"):
        run.predict(tmp_path, top=0)


def test_a_study_is_a_table_of_its_runs(study_folder: Path) -> None:
    study = cnncompare.load(study_folder)
    assert isinstance(study, cnncompare.Study)
    assert repr(study) == f"<Study {study_folder}, 3 runs>"
    table = study.frame()
    assert isinstance(table, pd.DataFrame)
    assert len(table) == len(study.runs) == 3
    finished = table[table["status"] == "finished"].set_index("training.seed")
    for run in study.runs:
        if run.record.status == "finished":
            row = finished.loc[run.record.training.seed]
            assert row["id"] == run.record.id
            assert row["test.acc1"] == run.record.test.acc1
            assert row["model.params"] == run.record.model.params
    assert finished["test.acc1"].dtype == np.float64
    assert list(table.loc[table["status"] == "failed", "error.message"]) == ["m"]


def test_epochs_of_all_runs_are_one_table(study_folder: Path) -> None:
    study = cnncompare.load(study_folder)
    assert isinstance(study, cnncompare.Study)
    table = study.epochs()
    assert len(table) == 6
    assert list(table.columns[:4]) == ["id", "label", "seed", "epoch"]
    one = table[table["id"] == study.runs[0].record.id]
    saved = pd.read_csv(study.runs[0].folder / "epochs.csv")
    assert list(one["val_acc1"]) == list(saved["val_acc1"])
    assert list(one["epoch"]) == [1, 2]


def test_a_comparison_is_that_of_the_report(
    study_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = cnncompare.load(study_folder)
    assert isinstance(study, cnncompare.Study)
    found = study.compare()
    assert cli.run(["report", str(study_folder), "--json"]) == 0
    assert found == json.loads(capsys.readouterr().out)
    assert [group["n_runs"] for group in found["tables"][0]["groups"]] == [2]


def test_folders_without_runs_are_one_line(study_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no run in"):
        cnncompare.load(tmp_path)
    with pytest.raises(DataError, match="is not a folder"):
        cnncompare.load(tmp_path / "nowhere")
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(DataError, match="schema None is unknown"):
        cnncompare.load(tmp_path)
    failed = cnncompare.load(study_folder / "failed")
    assert isinstance(failed, cnncompare.Run)
    with pytest.raises(DataError, match=r"the run is failed \(E: m\), not finished"):
        failed.model()
    study = cnncompare.Study(study_folder / "failed", [failed])
    with pytest.raises(UserError):
        study.compare()


SCRIPT = """\
import cnncompare

print("script")
config = cnncompare.compose(
    ["data=folder", "data.root=x", "data.image_size=32", "model=lenet5", "logger=[]",
     "data.workers=2", "data.cache_dir=cache", "data.batch_size=16", *OVERRIDES,
     "trainer.max_epochs=1", "trainer.accelerator=cpu", "display=minimal"]
)
run = cnncompare.train(config)
print(run.predict("x/test/a", top=1)[0]["model"])
print(run.record.status)
"""


@pytest.mark.parametrize(
    "method", ["forkserver", *(pytest.param(m, marks=pytest.mark.slow) for m in ("fork", "spawn"))]
)
def test_a_script_needs_no_main_guard(method: str, tmp_path: Path) -> None:
    """Batches are decoded by workers, which Python 3.14 no longer forks."""
    _write_images(tmp_path / "x")
    chosen = f"import multiprocessing\nmultiprocessing.set_start_method({method!r}, force=True)\n"
    script = SCRIPT.replace("*OVERRIDES", '"data.cache_limit_gib=0"')
    (tmp_path / "script.py").write_text(chosen + script)
    done = _run_script(tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("script") == 1
    assert done.stdout.split()[-2:] == ["lenet5", "finished"]


SWEEP = """\
from cnncompare.cli import run

print("script")
overrides = ["data=digits", "data.limit_train=200", "data.limit_test=50", "model=lenet5"]
overrides += ["trainer.max_epochs=1", "trainer.accelerator=cpu", "display=minimal", "logger=[]"]
print("exit code", run(["-m", "seed=0,1", *overrides]))
"""


@pytest.mark.slow
def test_a_script_that_starts_a_sweep_needs_no_main_guard(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SWEEP)
    done = _run_script(tmp_path)
    assert done.stdout.count("script") == 1
    assert "exit code 0" in done.stdout, done.stderr
    assert len(list(tmp_path.rglob("run.json"))) == 2


def _write_images(root: Path) -> None:
    from PIL import Image

    draws = np.random.default_rng(0)
    for folder in ("train/a", "train/b", "test/a", "test/b"):
        (root / folder).mkdir(parents=True)
        for number in range(12):
            pixels = draws.integers(0, 256, (64, 64, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / folder / f"{number}.png")


def _run_script(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "script.py"],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
    )
