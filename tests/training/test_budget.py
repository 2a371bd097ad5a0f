"""Epochs chosen by a budget: arithmetic with an injected time, and short trainings."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from cnncompare.errors import ConfigError
from cnncompare.runs.run import Run
from cnncompare.training import budget as budget_module
from cnncompare.training.epoch_time import EPOCHS, STEPS, EnoughMeasured, EpochTimer, epoch_seconds
from cnncompare.training.train import train
from tests.composing import compose_config

SMALL = (
    *("data=synthetic", "data.synthetic.classes=4", "data.limit_train=96", "data.limit_test=50"),
    *("data.batch_size=32", "model=lenet5", "optimizer=adamw", "trainer.threads=1"),
    *("display=minimal", "display.progress=off", "logger=[]", "trainer.accelerator=cpu"),
)


class Trainer:
    """What the timer needs of a trainer, with the CPU as its device."""

    class Strategy:
        class Device:
            type = "cpu"

        root_device = Device()

    strategy = Strategy()


class Clock:
    """A clock that advances only when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def run_epoch(timer: EpochTimer, clock: Clock, steps: int, step_s: float, val_s: float) -> None:
    trainer: Any = Trainer()
    timer.on_train_epoch_start(trainer)
    for _ in range(steps):
        clock.now += step_s
        timer.on_train_batch_end(trainer)
    clock.now += val_s
    timer.on_validation_end(trainer)
    clock.now += 100.0  # a checkpoint is no part of the epoch
    timer.on_train_epoch_end(trainer)


def test_whole_epochs_are_timed_without_the_first() -> None:
    clock = Clock()
    timer = EpochTimer(2.0, clock)
    run_epoch(timer, clock, steps=4, step_s=5.0, val_s=1.0)
    for _ in range(EPOCHS - 1):
        run_epoch(timer, clock, steps=4, step_s=1.0, val_s=0.5)
    with pytest.raises(EnoughMeasured):
        run_epoch(timer, clock, steps=4, step_s=1.0, val_s=0.5)
    assert timer.epochs == pytest.approx([21.0, 4.5, 4.5, 4.5])
    assert epoch_seconds(timer.epochs, timer.steps, 128, 10, 32) == pytest.approx(4.5)


def test_a_long_epoch_is_estimated_from_its_steps() -> None:
    clock = Clock()
    timer = EpochTimer(2.0, clock)
    trainer: Any = Trainer()
    timer.on_train_epoch_start(trainer)
    for step in range(STEPS + 1):
        clock.now += 9.0 if step < 2 else 0.5
        timer.on_train_batch_end(trainer)
    clock.now += 0.5
    with pytest.raises(EnoughMeasured):
        timer.on_train_batch_end(trainer)
    assert timer.steps == pytest.approx([9.0] + [0.5] * STEPS)
    # 31 steps, and 96 images for validation at a third of the cost
    assert epoch_seconds([], timer.steps, 1000, 96, 32) == pytest.approx(31 * 0.5 + 3 * 0.5 / 3)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Injected seconds of an epoch, one for each measurement."""
    times: list[float] = []
    monkeypatch.setattr(budget_module, "measure_epoch_s", lambda *_: times.pop(0))
    return times


@pytest.fixture(scope="module")
def by_macs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Run]:
    """A run whose budget is 2.6 epochs of 3 x MACs x images, and one with these epochs."""
    root = f"output_root={tmp_path_factory.mktemp('outputs')}"
    fixed = train(compose_config(*SMALL, root, "trainer.max_epochs=3"))
    model, data = fixed.record.model, fixed.record.data
    assert model
    assert model.macs
    assert data
    assert data.n_train
    macs = 2.6 * 3 * model.macs * data.n_train
    return train(compose_config(*SMALL, root, f"budget.macs={macs!r}")), fixed


def rows(run: Run, *columns: str) -> list[list[str]]:
    with (run.folder / "epochs.csv").open() as file:
        return [[row[column] for column in columns] for row in csv.DictReader(file)]


def test_macs_are_rounded_to_whole_epochs_and_recorded(by_macs: tuple[Run, Run]) -> None:
    run, _ = by_macs
    training = json.loads((run.folder / "run.json").read_text())["training"]
    assert training["max_epochs"] == training["epochs_done"] == 3
    budget = training["budget"]
    assert budget["seconds"] is None
    assert budget["macs"] / budget["per_epoch"] == pytest.approx(2.6)
    assert budget["used"] / budget["macs"] == pytest.approx(3 / 2.6)


def test_the_schedule_and_all_numbers_are_those_of_the_chosen_epochs(
    by_macs: tuple[Run, Run],
) -> None:
    columns = ("epoch", "lr", "train_loss", "train_acc1", "val_loss", "val_acc1")
    run, fixed = by_macs
    assert rows(run, *columns) == rows(fixed, *columns)
    assert run.record.test == fixed.record.test
    assert "budget" not in json.loads((fixed.folder / "run.json").read_text())["training"]


def test_the_saved_configuration_is_the_one_that_was_asked_for(by_macs: tuple[Run, Run]) -> None:
    run, _ = by_macs
    text = (run.folder / "config.yaml").read_text()
    assert "max_epochs: 25" in text
    assert "macs: " in text


def test_seconds_choose_the_epochs_once(
    tmp_path: Path, measured: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    overrides = (*SMALL, f"output_root={tmp_path}", "budget.seconds=10")
    measured += [4.0, 1.0, 20.0]
    first = train(compose_config(*overrides))
    assert first.record.training
    assert first.record.training.max_epochs == 3  # 2.5
    budget = first.record.training.budget
    assert budget
    assert budget.per_epoch == 4.0
    spent = [float(a) + float(b) for a, b in rows(first, "train_s", "val_s")]
    assert budget.used == pytest.approx(sum(spent))
    said = capsys.readouterr().err
    assert "3 epochs of lenet5 in budget.seconds=10 (4 s each)" in said
    assert "an epoch is 40 % of the budget" in said

    second = train(compose_config(*overrides, "seed=1"))
    assert second.record.training
    assert second.record.training.max_epochs == 3
    assert measured == [1.0, 20.0]  # the second seed needed no measurement

    record = json.loads((first.folder / "run.json").read_text())
    record["status"] = "interrupted"
    record["environment"]["cpu"] = "another one"
    (first.folder / "run.json").write_text(json.dumps(record))
    shutil.rmtree(second.folder)
    resumed = train(compose_config(*overrides))
    assert resumed.record.training
    assert resumed.record.training.max_epochs == 3
    assert resumed.record.training.budget == budget
    assert measured == [1.0, 20.0]


def test_a_budget_below_one_epoch_is_refused_and_writes_nothing(
    tmp_path: Path, measured: list[float]
) -> None:
    measured.append(5.5)
    overrides = (*SMALL, f"output_root={tmp_path}")
    with pytest.raises(ConfigError, match=r"below one epoch of lenet5 .* takes 5\.5 s"):
        train(compose_config(*overrides, "budget.seconds=5"))
    with pytest.raises(ConfigError, match=r"below one epoch of lenet5 .* MACs"):
        train(compose_config(*overrides, "budget.macs=1000"))
    assert list(tmp_path.iterdir()) == []


def test_a_warm_up_as_long_as_the_training_is_refused(
    tmp_path: Path, measured: list[float]
) -> None:
    measured.append(5.0)
    warmup = ("budget.seconds=10", "scheduler.warmup_epochs=2")
    with pytest.raises(ConfigError, match="must be less than the 2 epochs of budget"):
        train(compose_config(*SMALL, f"output_root={tmp_path}", *warmup))


def test_a_measured_epoch_takes_about_as_long_as_those_of_the_run(tmp_path: Path) -> None:
    run = train(compose_config(*SMALL, f"output_root={tmp_path}", "budget.seconds=2"))
    assert run.record.training
    budget = run.record.training.budget
    assert budget
    assert budget.used
    # the machine may be busy: this finds wrong units and counts, not small errors
    assert 0.2 < budget.used / 2 < 5
