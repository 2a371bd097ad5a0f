"""Contract of every built-in component: a short training is recorded and resumes exactly."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from cnncompare.config.schema import Config
from cnncompare.extensions.kinds import CALLBACKS, LOSSES, OPTIMIZERS, SCHEDULERS
from cnncompare.runs.run import Run
from cnncompare.training.callbacks.progress import Progress
from cnncompare.training.train import train
from tests.composing import compose_config
from tests.killed import Killed

SMALL = (
    "data=synthetic",
    "data.synthetic.classes=4",
    "data.synthetic.noise=1.0",
    "data.limit_train=128",
    "data.limit_test=40",
    "data.batch_size=16",
    "data.augment.mix=mixup",  # so that a loss also sees shares of classes
    "model=lenet5",
    "optimizer=adamw",
    "scheduler=constant",
    "trainer.max_epochs=3",
    "trainer.threads=1",
    "trainer.accelerator=cpu",
    "display=minimal",
    "logger=[]",
)
# so that each of them changes something within three epochs
SETTINGS = {
    "plateau": ("scheduler.patience=0", "scheduler.min_delta=0.9"),
    "step": ("scheduler.step_epochs=1",),
    "early_stopping": (
        "callbacks.early_stopping.patience=1",
        "callbacks.early_stopping.min_delta=0.9",
    ),
    "swa": ("callbacks.swa.start_fraction=0.3",),
    "inference_cost": (
        "callbacks.inference_cost.runtimes=[eager]",
        "callbacks.inference_cost.seconds=0.01",
    ),
}
CASES = [
    pytest.param(group, name, id=f"{group}={name}")
    for group, registry in (
        ("optimizer", OPTIMIZERS),
        ("scheduler", SCHEDULERS),
        ("loss", LOSSES),
        ("callbacks", CALLBACKS),
    )
    for name in registry.builtin
]


class KillAfterTwoEpochs(Progress):
    """Kills the training when its second epoch and its checkpoint are complete."""

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.current_epoch == 2:
            raise Killed

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        raise Killed  # of a training that stopped early


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Run]:
    """Return the run of a configuration that was never interrupted, trained once."""
    folder = tmp_path_factory.mktemp("whole")
    runs: dict[tuple[str, ...], Run] = {}

    def call(*overrides: str) -> Run:
        if overrides not in runs:  # a folder each: not every component is part of the hash
            runs[overrides] = train(composed(folder, *overrides, f"name=whole{len(runs)}"))
        return runs[overrides]

    return call


def composed(folder: Path, *overrides: str) -> Config:
    return compose_config(*SMALL, f"output_root={folder}", *overrides)


def rows(run: Run) -> list[dict[str, str]]:
    """Return epochs.csv without times and memory."""
    with (run.folder / "epochs.csv").open() as file:
        return [
            {name: row[name] for name in ("epoch", "lr", "train_loss", "val_loss", "val_acc1")}
            for row in csv.DictReader(file)
        ]


@pytest.mark.parametrize(("group", "name"), CASES)
def test_a_component_is_recorded_and_a_killed_run_continues_exactly(
    group: str,
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    whole: Callable[..., Run],
) -> None:
    overrides = (f"{group}={name}", *SETTINGS.get(name, ()))
    expected = whole(*overrides)
    check_record(expected, group, name)
    config = composed(tmp_path, *overrides)
    with monkeypatch.context() as patched:
        patched.setattr("cnncompare.training.callbacks.build.Progress", KillAfterTwoEpochs)
        with pytest.raises(Killed):
            train(config)
    interrupted = Run.read(config.run_folder())
    assert interrupted.record.status == "running"
    assert len(rows(interrupted)) == 2
    resumed = train(config)
    assert resumed.record.status == "finished"
    assert resumed.record.started_at == interrupted.record.started_at  # not started over
    assert rows(resumed) == rows(expected)
    assert resumed.record.test == expected.record.test
    assert resumed.record.best == expected.record.best
    for array, other in zip(predictions(resumed), predictions(expected), strict=True):
        np.testing.assert_array_equal(array, other)
    assert weights(resumed).keys() == weights(expected).keys()
    for key, tensor in weights(expected).items():
        assert torch.equal(weights(resumed)[key], tensor), key


def check_record(run: Run, group: str, name: str) -> None:
    record = json.loads((run.folder / "run.json").read_text())
    training: dict[str, Any] = record["training"]
    if name == "inference_cost":
        assert record["inference"]["latency_s"] > 0
        assert "callbacks" not in training
    elif name == "gradient_norms":
        with (run.folder / "epochs.csv").open() as file:
            norms = [
                float(row[key])
                for row in csv.DictReader(file)
                for key in row
                if key.startswith("grad_norm.")
            ]
        assert len(norms) == 3 * 5  # epochs x layers of LeNet-5
        assert min(norms) > 0
        assert "callbacks" not in training
    elif group == "callbacks":
        assert list(training["callbacks"]) == [name]
    else:
        assert training.get(group, "cross_entropy") == name
    assert "components" not in record  # of users' modules
    losses = [float(row["train_loss"]) for row in rows(run)]
    assert losses[-1] < losses[0]
    assert training["epochs_done"] == (2 if name == "early_stopping" else 3)


def predictions(run: Run) -> list[np.ndarray[Any, Any]]:
    saved = run.predictions()
    return [saved.label, saved.top5, saved.confidence]


def weights(run: Run) -> dict[str, torch.Tensor]:
    path = run.folder / "checkpoints" / "best.ckpt"
    state: dict[str, torch.Tensor] = torch.load(path, weights_only=True)["state_dict"]
    return state


def test_schedules_change_the_learning_rate_as_torch_s(whole: Callable[..., Run]) -> None:
    def rates(name: str) -> list[float]:
        run = whole(f"scheduler={name}", *SETTINGS.get(name, ()))
        return [float(row["lr"]) / 1e-3 for row in rows(run)]

    lr = composed(Path("."), "scheduler=step").optimizer.lr / 1e-3
    assert rates("step") == pytest.approx([lr, 0.1 * lr, 0.01 * lr])
    assert rates("exponential") == pytest.approx([lr, 0.9 * lr, 0.81 * lr])
    # the first epoch sets the best accuracy; the second does not improve it by 0.9
    assert rates("plateau") == pytest.approx([lr, lr, 0.1 * lr])


def test_early_stopping_and_swa_are_part_of_the_identity() -> None:
    hashes = {
        composed(Path("."), *overrides).hash()
        for overrides in (
            (),
            ("callbacks=early_stopping",),
            ("callbacks=early_stopping", "callbacks.early_stopping.patience=3"),
            ("callbacks=swa",),
            ("callbacks=[early_stopping,swa]",),
        )
    }
    assert len(hashes) == 5


def test_the_last_epoch_of_swa_is_validated_with_the_mean_of_the_epochs(
    whole: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ends: list[dict[str, torch.Tensor]] = []
    validated: list[dict[str, torch.Tensor]] = []

    class Watch(Progress):
        def on_validation_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
            ends.append({k: v.clone() for k, v in pl_module.network.state_dict().items()})

        def on_validation_batch_end(self, trainer: pl.Trainer, pl_module: Any, *_: Any) -> None:
            validated.append({k: v.clone() for k, v in pl_module.network.state_dict().items()})

    monkeypatch.setattr("cnncompare.training.callbacks.build.Progress", Watch)
    overrides = ("callbacks=swa", "callbacks.swa.start_fraction=0.3", "data.limit_val=10")
    train(composed(tmp_path, *overrides))
    assert (len(ends), len(validated)) == (3, 3)
    for key, used in validated[2].items():
        mean = torch.stack([end[key].double() for end in ends]).mean(dim=0)
        torch.testing.assert_close(used.double(), mean, rtol=0, atol=1e-6)
