"""Lightning's options of the trainer, against trainings without them and calculations by hand."""

import math
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from cnncompare.comparison.load import load_results
from cnncompare.errors import ConfigError, Interrupted
from cnncompare.runs.run import Run
from cnncompare.terminal.result import print_run_result
from cnncompare.training import train as train_module
from cnncompare.training.callbacks.interruption import Interruption
from cnncompare.training.callbacks.limits import TimeLimit
from cnncompare.training.train import train
from tests.composing import compose_config

SMALL = (
    *("data=synthetic", "data.synthetic.classes=4", "data.synthetic.noise=2.0"),
    *("data.limit_train=96", "data.limit_val=50", "data.limit_test=100", "data.batch_size=32"),
    *("model=lenet5", "optimizer=adamw", "trainer.threads=1", "trainer.accelerator=cpu"),
    *("display.progress=off", "display.confusion_matrix=false", "display.worst_mistakes=0"),
    "logger=[]",
)
Trained = Callable[..., Run]


@pytest.fixture
def trained(tmp_path: Path) -> Trained:
    def run(*overrides: str) -> Run:
        return train(compose_config(*SMALL, f"output_root={tmp_path}", *overrides))

    return run


def weights(run: Run, name: str = "last") -> dict[str, torch.Tensor]:
    saved = torch.load(run.folder / "checkpoints" / f"{name}.ckpt", weights_only=True)
    return {key: value for key, value in saved["state_dict"].items() if "network." in key}


def test_accumulated_gradients_are_those_of_the_whole_batch(trained: Trained) -> None:
    """LeNet-5 has no batch normalisation, whose statistics are those of each part."""
    common = ("trainer.max_epochs=2", "data.augment.mix=mixup", "trainer.gradient_clip_val=0.5")
    whole = trained(*common)
    parts = trained(*common, "trainer.accumulate_grad_batches=4")
    first, second = weights(whole), weights(parts)
    for name, tensor in first.items():
        torch.testing.assert_close(second[name], tensor, atol=2e-5, rtol=1e-4)
    assert parts.record.training.batch_size == whole.record.training.batch_size == 32
    assert parts.record.training.model_extra["accumulate_grad_batches"] == 4
    assert "accumulate_grad_batches" not in whole.record.training.model_extra
    assert "max_steps" not in (whole.folder / "run.json").read_text()
    losses = [[row["train_loss"] for row in run.epochs()] for run in (whole, parts)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    assert whole.folder != parts.folder


@pytest.mark.parametrize(
    "stopped_at",
    [13, pytest.param(3, marks=pytest.mark.slow), pytest.param(9, marks=pytest.mark.slow)],
)
def test_a_training_by_steps_resumes_exactly(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped_at: int
) -> None:
    """Seven steps of two batches: two epochs of three steps, and one step of the third."""
    options = (
        *("trainer.max_steps=7", "trainer.accumulate_grad_batches=2", "data.balance=true"),
        *("trainer.check_val_every_n_epoch=2", "callbacks=swa", "callbacks.swa.start_fraction=0.0"),
    )
    whole = trained(*options)
    batches = 0

    def stop(self: Interruption, *_: object) -> None:
        nonlocal batches
        batches += 1
        if batches == stopped_at:
            raise Interrupted(signal.SIGTERM)

    again = (*options, f"output_root={tmp_path / 'again'}")
    with monkeypatch.context() as patched:
        patched.setattr(Interruption, "on_train_batch_end", stop)
        with pytest.raises(Interrupted):
            trained(*again)
    resumed = trained(*again)
    assert resumed.folder.name == whole.folder.name
    for name in ("best", "last"):
        first, second = weights(whole, name), weights(resumed, name)
        assert all(torch.equal(first[key], second[key]) for key in first)
    assert resumed.record.test == whole.record.test
    assert resumed.record.best == whole.record.best
    results = [
        [{key: row[key] for key in row if "loss" in key or "acc1" in key} for row in run.epochs()]
        for run in (whole, resumed)
    ]
    assert results[0] == results[1]
    assert "-steps7-" in whole.folder.name
    training = whole.record.training
    assert (training.max_epochs, training.epochs_done, training.incomparable) == (3, 3, [])
    rows = whole.epochs()
    assert [row["val_acc1"] is None for row in rows] == [True, False, True]
    assert [row["val_balanced_acc1"] is None for row in rows] == [True, False, True]
    assert [row["val_s"] is None for row in rows] == [True, False, True]
    assert whole.record.best.epoch == 2
    assert whole.record.best.val_acc1 == rows[1]["val_acc1"]
    # a half cosine over seven steps
    factors = [(1 + math.cos(math.pi * step / 7)) / 2 for step in (0, 3, 6)]
    assert [row["lr"] for row in rows] == pytest.approx([training.lr * f for f in factors])


def test_the_last_step_is_validated_and_the_last_of_a_resumed_training(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four steps are an epoch of three and one more; the signal comes before the test."""

    def stop(*_: object) -> None:
        raise Interrupted(signal.SIGTERM)

    with monkeypatch.context() as patched:
        patched.setattr(train_module, "_test", stop)
        with pytest.raises(Interrupted):
            trained("trainer.max_steps=4")
    run = trained("trainer.max_steps=4")
    assert [row["val_acc1"] is None for row in run.epochs()] == [False, False]
    checkpoint = torch.load(run.folder / "checkpoints" / "last.ckpt", weights_only=True)
    assert checkpoint["global_step"] == 4
    assert run.record.test.n == 100
    health = {finding.check: finding.evidence for finding in run.record.training.health}
    assert health["few_steps"] == "4 optimizer steps in all"


def test_a_check_run_is_short_marked_and_not_compared(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = trained("trainer.fast_dev_run=2", "trainer.max_epochs=9", "trainer.profiler=simple")
    training = run.record.training
    assert (run.record.status, training.max_epochs, training.epochs_done) == ("finished", 1, 1)
    assert training.incomparable == ["trainer.fast_dev_run=2"]
    assert training.model_extra["profiler"] == "simple"
    assert run.record.data.n_test == run.record.test.n == 64  # two batches of 32
    assert len(run.predictions().label) == 64
    checkpoint = torch.load(run.folder / "checkpoints" / "last.ckpt", weights_only=True)
    assert checkpoint["global_step"] == 2
    assert "optimizer_step" in (run.folder / "fit-profile.txt").read_text()
    assert "not comparable with other runs: trainer.fast_dev_run=2" in capsys.readouterr().err
    print_run_result(run)
    assert "not comparable: trainer.fast_dev_run=2; report leaves" in capsys.readouterr().out
    results, skipped = load_results([tmp_path])
    assert results == []
    assert [(Path(skip.path).name, skip.reason) for skip in skipped] == [
        (run.folder.name, "not comparable: trainer.fast_dev_run=2")
    ]


def test_a_training_that_its_time_ends_is_validated_and_marked(
    trained: Trained, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    elapsed = iter(range(100))
    monkeypatch.setattr(TimeLimit, "time_elapsed", lambda *_: next(elapsed))
    options = ("trainer.max_epochs=3", "trainer.check_val_every_n_epoch=3")
    run = trained(*options, "trainer.max_time=00:00:00:04")
    rows = run.epochs()
    assert run.record.training.incomparable == [
        "trainer.max_time=00:00:00:04 ended the training in epoch 2 of 3"
    ]
    assert [row["val_acc1"] is None for row in rows] == [True, False]
    assert run.record.test.n == 100
    long = trained("trainer.max_epochs=1", "trainer.max_time=00:23:00:00")
    assert long.record.training.incomparable == []
    results, skipped = load_results([tmp_path])
    assert [result.record.id for result in results] == [long.record.id]
    assert "ended the training" in skipped[0].reason


def test_limits_are_marked_and_too_small_ones_are_refused(trained: Trained, tmp_path: Path) -> None:
    run = trained("trainer.max_epochs=1", "trainer.overfit_batches=1", "data.limit_val=null")
    assert run.record.training.incomparable == ["trainer.overfit_batches=1"]
    checkpoint = torch.load(run.folder / "checkpoints" / "last.ckpt", weights_only=True)
    assert checkpoint["global_step"] == 1
    before = sorted(tmp_path.rglob("*"))
    for option in ("limit_train_batches=0.1", "limit_val_batches=0.1", "overfit_batches=0.1"):
        with pytest.raises(ConfigError, match=rf"trainer\.{option} of \d batches is less than one"):
            trained(f"trainer.{option}")
    with pytest.raises(ConfigError, match="is 2 epochs of 3 steps; use at most 2"):
        trained("trainer.max_steps=5", "trainer.check_val_every_n_epoch=3")
    with pytest.raises(
        ConfigError, match=r"which trainer\.accumulate_grad_batches=16 divides by 16"
    ):
        trained("trainer.accumulate_grad_batches=16", "data.batch_size=auto")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.slow
def test_two_processes_make_the_steps_of_one(trained: Trained, tmp_path: Path) -> None:
    options = ("trainer.max_steps=7", "trainer.accumulate_grad_batches=2")
    one = trained(*options)
    overrides = [*SMALL, *options, "trainer.devices=2", f"output_root={tmp_path}"]
    done = subprocess.run(
        [sys.executable, "-m", "cnncompare", *overrides],
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "default").glob("*-steps7-d2-*")
    two = Run.read(folder)
    first, second = weights(one), weights(two)
    for name, tensor in first.items():
        torch.testing.assert_close(second[name], tensor, atol=2e-5, rtol=1e-4)
    assert two.record.test.n == 100
    assert [row["val_acc1"] for row in two.epochs()] == [row["val_acc1"] for row in one.epochs()]
