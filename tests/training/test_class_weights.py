"""Class weights against scikit-learn, the weighted loss against torch, and whole runs."""

import csv
import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.metrics import balanced_accuracy_score, f1_score, precision_recall_fscore_support
from sklearn.utils.class_weight import compute_class_weight
from torch import nn

from cnncompare.config.optimization import LossConfig
from cnncompare.errors import DataError, Interrupted
from cnncompare.runs.run import Run
from cnncompare.training.callbacks.progress import Progress
from cnncompare.training.class_weights import loss_weights
from cnncompare.training.train import train
from tests.composing import compose_config
from tests.training.test_lightning_module import task_of

Call = Callable[..., "subprocess.CompletedProcess[str]"]

COUNTS = {"cat": 60, "dog, brown": 24, "emu": 12}


@pytest.fixture(scope="module")
def imbalanced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an .npz file of noisy stripes: 60, 24 and 12 images of three classes."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), list(COUNTS.values()))
    images = rng.integers(0, 120, (96, 16, 16), dtype=np.uint8)
    images[np.arange(96), labels * 4] = 250
    path = tmp_path_factory.mktemp("imbalanced") / "set.npz"
    np.savez(path, images=images, labels=labels, classes=np.array(list(COUNTS)))
    return path


def overrides_of(file: Path, folder: Path, *overrides: str) -> tuple[str, ...]:
    return (
        *("data=arrays", f"data.root={file}", f"output_root={folder}", "model=lenet5"),
        *("logger=[]", "trainer.accelerator=cpu", "trainer.threads=1", "trainer.max_epochs=2"),
        *("data.batch_size=8", "data.image_size=32", "display.progress=off"),
        *overrides,
    )


def run_on(file: Path, folder: Path, *overrides: str) -> Run:
    return train(compose_config(*overrides_of(file, folder, *overrides)))


def test_the_weights_are_scikit_learns(tmp_path: Path, imbalanced: Path) -> None:
    run = run_on(imbalanced, tmp_path, "loss.class_weights=balanced")
    with (run.folder / "split.csv").open(newline="") as file:
        names = [row["label"] for row in csv.DictReader(file) if row["split"] == "train"]
    expected = compute_class_weight("balanced", classes=np.array(list(COUNTS)), y=names)
    assert run.record.training is not None
    assert run.record.training.class_weights == pytest.approx(list(expected))


def test_a_run_without_weights_records_none(tmp_path: Path, imbalanced: Path) -> None:
    content = json.loads((run_on(imbalanced, tmp_path).folder / "run.json").read_text())
    assert content["training"]["class_weights"] is None
    assert content["training"]["balance"] is False


def test_a_class_without_training_images_is_named() -> None:
    data: Any = SimpleNamespace(train_class_counts=torch.tensor([3, 0]), class_names=["cat", "dog"])
    config = compose_config("data=digits", "loss.class_weights=balanced")
    with pytest.raises(DataError, match="class 'dog' has no training images"):
        loss_weights(config, data)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_training_loss_is_torchs_weighted_mean(smoothing: float) -> None:
    torch.manual_seed(0)
    images, labels = torch.randn(6, 3, 8, 8), torch.tensor([0, 1, 1, 1, 2, 0])
    weights = torch.tensor([0.5, 2.0, 1.5], dtype=torch.float64)
    network = nn.Sequential(nn.Flatten(), nn.Linear(192, 3))
    task = task_of(network, smoothing, class_weights=weights)
    loss = task.training_step((images, labels), 0)
    expected = nn.CrossEntropyLoss(weights.float(), label_smoothing=smoothing)
    assert loss.item() == pytest.approx(expected(network(images), labels).item())
    mixed = F.one_hot(labels, 3) * 0.7 + F.one_hot(labels.flip(0), 3) * 0.3
    loss = task.training_step((images, mixed), 0)
    assert loss.item() == pytest.approx(expected(network(images), mixed).item())
    plain = F.cross_entropy(network(images), labels)
    assert loss.item() != pytest.approx(plain.item(), rel=0.01)


def test_the_weights_are_not_in_the_checkpoint() -> None:
    task = task_of(nn.Flatten(), class_weights=torch.ones(2))
    assert not task.state_dict()


def test_validation_is_not_weighted() -> None:
    images, labels = torch.randn(5, 3), torch.tensor([0, 1, 2, 1, 0])
    for weights in (None, torch.tensor([9.0, 1.0, 1.0])):
        task = task_of(nn.Identity(), class_weights=weights)
        task.validation_step((images, labels, torch.arange(5)), 0)
        assert task.val_sums.compute()["loss"] == pytest.approx(
            F.cross_entropy(images, labels).item()
        )


@pytest.mark.parametrize(
    "option",
    ["data.balance=true", pytest.param("loss.class_weights=balanced", marks=pytest.mark.slow)],
)
def test_two_processes_give_the_loss_of_one(
    tmp_path: Path, imbalanced: Path, cnncompare: Call, option: str
) -> None:
    """The ranks' shares have different weights in sum, and the draws are those of one device."""
    one = run_on(imbalanced, tmp_path / "one", option, "trainer.max_epochs=1")
    overrides = overrides_of(imbalanced, tmp_path / "two", option, "trainer.max_epochs=1")
    done = cnncompare(*overrides, "trainer.devices=2")
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "two" / "default").glob("lenet5*")
    two = Run.read(folder)
    assert two.record.test.n == one.record.test.n
    for name in ("train_loss", "val_loss"):
        assert two.epochs()[0][name] == pytest.approx(one.epochs()[0][name], rel=1e-3)


def test_a_resumed_run_draws_what_an_uninterrupted_one_draws(
    tmp_path: Path, imbalanced: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("loss.class_weights=balanced", "data.balance=true", "trainer.max_epochs=3")
    whole = run_on(imbalanced, tmp_path / "whole", *options)
    with monkeypatch.context() as patched:
        patched.setattr(Progress, "on_train_epoch_end", _stop_after_two)
        with pytest.raises(Interrupted):
            run_on(imbalanced, tmp_path / "resumed", *options)
    resumed = run_on(imbalanced, tmp_path / "resumed", *options)
    assert resumed.record.training is not None
    assert resumed.record.training.balance
    for name in ("train_loss", "train_acc1", "val_loss", "val_acc1"):
        assert [row[name] for row in resumed.epochs()] == [row[name] for row in whole.epochs()]
    assert resumed.record.test.loss == whole.record.test.loss


def _stop_after_two(self: Any, trainer: Any, *_: Any) -> None:
    if trainer.current_epoch == 2:
        raise Interrupted(signal.SIGINT)


def test_balance_changes_the_training_images_only(tmp_path: Path, imbalanced: Path) -> None:
    plain, balanced = (
        run_on(imbalanced, tmp_path, f"data.balance={value}", "trainer.max_epochs=1")
        for value in ("false", "true")
    )
    assert plain.epochs()[0]["train_loss"] != balanced.epochs()[0]["train_loss"]
    assert plain.record.data == balanced.record.data
    assert balanced.record.training is not None
    checks = [finding.check for finding in balanced.record.training.health]
    assert "images_left_out" not in checks


@pytest.mark.parametrize("option", ["loss.class_weights=balanced", "data.balance=true"])
def test_a_balanced_training_logs_the_balanced_validation_accuracy(
    tmp_path: Path, imbalanced: Path, option: str
) -> None:
    """On the test images, on which the epoch is chosen here, it is that of the record."""
    options = ("data.protocol=test_as_val", "trainer.max_epochs=1")
    run = run_on(imbalanced, tmp_path, option, *options)
    (row,) = run.epochs()
    assert row["val_balanced_acc1"] == pytest.approx(run.record.test.balanced_acc1)
    assert "val_balanced_acc1" not in run_on(imbalanced, tmp_path, *options).epochs()[0]


def test_the_scores_over_classes_are_scikit_learns(tmp_path: Path, imbalanced: Path) -> None:
    run = run_on(imbalanced, tmp_path)
    saved = run.predictions()
    label, predicted = saved.label, saved.top5[:, 0]
    test = run.record.test
    assert test.balanced_acc1 == pytest.approx(balanced_accuracy_score(label, predicted))
    macro = f1_score(label, predicted, average="macro", zero_division=0)
    assert test.macro_f1 == pytest.approx(macro)
    with (run.folder / "per_class.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, strict=True))
    assert [row["class"] for row in rows] == list(COUNTS)
    precision, recall, f1, n = precision_recall_fscore_support(
        label, predicted, labels=[0, 1, 2], zero_division=np.nan
    )
    assert [int(row["n"]) for row in rows] == n.tolist()
    for name, values in (("precision", precision), ("recall", recall), ("f1", f1)):
        found = [float(row[name]) if row[name] else np.nan for row in rows]
        np.testing.assert_allclose(found, values)


def test_the_imbalance_is_said_before_training_and_recorded(
    tmp_path: Path, imbalanced: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_on(imbalanced, tmp_path)
    assert run.record.data is not None
    found = run.record.data.imbalance
    assert found is not None
    assert (found.split, found.largest, found.smallest) == ("train", "cat", "emu")
    (line,) = (s for s in capsys.readouterr().err.splitlines() if "--metric balanced" in s)
    assert line.startswith(f"cnncompare: class cat has {found.n_largest} training images, ")


def test_pretrained_weights_have_scores_over_classes_too(tmp_path: Path, imbalanced: Path) -> None:
    trained = run_on(imbalanced, tmp_path)
    weights = torch.load(trained.folder / "checkpoints/best.ckpt", weights_only=True)["state_dict"]
    file = tmp_path / "weights.pt"
    torch.save({k.removeprefix("network."): v for k, v in weights.items()}, file)
    tested = run_on(
        imbalanced, tmp_path, "trainer.max_epochs=0", f"model.weights={file}", "data.balance=true"
    )
    assert tested.record.test.balanced_acc1 == trained.record.test.balanced_acc1
    assert tested.record.test.macro_f1 == trained.record.test.macro_f1
    tables = [(run.folder / "per_class.csv").read_text() for run in (trained, tested)]
    assert tables[0] == tables[1]


def test_the_loss_has_no_weights_by_default() -> None:
    assert LossConfig().class_weights == "none"
