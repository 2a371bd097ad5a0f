"""A run that is killed anywhere resumes to bitwise equal weights, optimizer and metrics."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from cnncompare.config.schema import Config
from cnncompare.models.checkpoint import load_checkpoint_weights
from cnncompare.training.checkpoints import AtomicCheckpointIO
from cnncompare.training.lightning_module import ImageClassifier
from cnncompare.training.train import train
from tests.composing import compose_config
from tests.killed import Killed
from tests.sweep.exact import OVERRIDES, digest, result

STEPS_PER_EPOCH = 6
# without batch norm and with next to no learning, so that no later epoch beats the first
FIRST_EPOCH_IS_BEST = (
    "model=lenet5",
    "model.module=null",
    "model.name=lenet5",
    "data.image_size=32",
    "optimizer.lr=1e-9",
    "trainer.ema_decay=null",
)


pytestmark = pytest.mark.usefixtures("torch_as_before")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return result(train(config_in(tmp_path_factory.mktemp("uninterrupted"))).folder)


def config_in(folder: Path, *overrides: str) -> Config:
    return compose_config(*OVERRIDES, f"output_root={folder}", *overrides)


def kill_after(count: int) -> Callable[[], None]:
    calls = 0

    def count_down() -> None:
        nonlocal calls
        calls += 1
        if calls == count:
            raise Killed

    return count_down


def cut(config: Config) -> None:
    with pytest.raises(Killed):
        train(config)
    record = json.loads((config.run_folder() / "run.json").read_text())
    assert record["status"] == "running"


@pytest.mark.parametrize("step", [1, STEPS_PER_EPOCH + 1, 2 * STEPS_PER_EPOCH + 4])
def test_cut_in_a_training_step(
    step: int, tmp_path: Path, uninterrupted: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    config, kill, original = config_in(tmp_path), kill_after(step), ImageClassifier.training_step

    def training_step(self: Any, *arguments: Any) -> Any:
        kill()
        return original(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(ImageClassifier, "training_step", training_step)
        cut(config)
    assert result(train(config).folder) == uninterrupted


def test_cut_in_validation_while_the_average_is_swapped_in(
    tmp_path: Path, uninterrupted: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    config, kill, original = config_in(tmp_path), kill_after(3), ImageClassifier.validation_step

    def validation_step(self: Any, *arguments: Any) -> Any:
        kill()
        return original(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(ImageClassifier, "validation_step", validation_step)
        cut(config)
    assert result(train(config).folder) == uninterrupted


@pytest.mark.parametrize("when", ["before", "within", "after"])
@pytest.mark.parametrize("save", [3, 4, 5])  # best and last of epoch 2, the next of epoch 3
def test_cut_while_a_checkpoint_is_written(
    when: str,
    save: int,
    tmp_path: Path,
    uninterrupted: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config, kill = config_in(tmp_path), kill_after(save)
    original = AtomicCheckpointIO.save_checkpoint

    def save_checkpoint(self: Any, checkpoint: Any, path: Any, storage_options: Any = None) -> None:
        if when == "after":
            original(self, checkpoint, path)
        try:
            kill()
        except Killed:
            if when == "within":  # half of the new file lies beside the old one
                Path(path).with_name(f".{Path(path).name}.new").write_bytes(b"PK half")
            raise
        if when != "after":
            original(self, checkpoint, path)

    with monkeypatch.context() as patch:
        patch.setattr(AtomicCheckpointIO, "save_checkpoint", save_checkpoint)
        cut(config)
    assert result(train(config).folder) == uninterrupted


def test_cut_in_the_test(
    tmp_path: Path, uninterrupted: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    config, kill, original = config_in(tmp_path), kill_after(2), ImageClassifier.test_step

    def test_step(self: Any, *arguments: Any) -> Any:
        kill()
        return original(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(ImageClassifier, "test_step", test_step)
        cut(config)
    run = train(config)
    assert result(run.folder) == uninterrupted
    assert run.record.status == "finished"
    assert run.record.training is not None
    assert run.record.training.epochs_done == 4
    assert run.record.timing.epoch_s is not None


def test_cut_several_times(
    tmp_path: Path, uninterrupted: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    config, original = config_in(tmp_path), ImageClassifier.training_step
    for _ in range(3):
        kill = kill_after(STEPS_PER_EPOCH + 2)

        def training_step(self: Any, *arguments: Any, kill: Callable[[], None] = kill) -> Any:
            kill()
            return original(self, *arguments)

        with monkeypatch.context() as patch:
            patch.setattr(ImageClassifier, "training_step", training_step)
            cut(config)
    assert result(train(config).folder) == uninterrupted


def test_a_truncated_checkpoint_restarts_the_run_with_equal_results(
    tmp_path: Path, uninterrupted: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    config, kill, original = config_in(tmp_path), kill_after(15), ImageClassifier.training_step

    def training_step(self: Any, *arguments: Any) -> Any:
        kill()
        return original(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(ImageClassifier, "training_step", training_step)
        cut(config)
    last = config.run_folder() / "checkpoints" / "last.ckpt"
    last.write_bytes(last.read_bytes()[:-100])
    assert result(train(config).folder) == uninterrupted


def test_the_last_checkpoint_is_of_the_last_epoch_when_the_first_was_best(tmp_path: Path) -> None:
    config = config_in(tmp_path, *FIRST_EPOCH_IS_BEST)
    run = train(config)
    assert run.record.best.epoch == 1
    assert epoch_of(run.folder, "best.ckpt") == 0  # Lightning counts from 0
    assert epoch_of(run.folder, "last.ckpt") == 3


@pytest.mark.parametrize("finished", [1, 2, 3])
def test_a_continued_run_trains_no_finished_epoch_again(
    finished: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first epoch stays the best, so that only last.ckpt can tell how far the run came."""
    config = config_in(tmp_path, *FIRST_EPOCH_IS_BEST)
    kill, trained = kill_after(finished * STEPS_PER_EPOCH + 2), []
    original = ImageClassifier.training_step

    def training_step(self: Any, *arguments: Any) -> Any:
        trained.append(self.current_epoch)
        kill()
        return original(self, *arguments)

    monkeypatch.setattr(ImageClassifier, "training_step", training_step)
    cut(config)
    assert trained[-1] == finished
    trained.clear()
    train(config)
    assert sorted(set(trained)) == list(range(finished, 4))


def epoch_of(folder: Path, name: str) -> int:
    epoch: int = torch.load(folder / "checkpoints" / name, weights_only=True)["epoch"]
    return epoch


def test_another_seed_leads_to_other_weights(tmp_path: Path, uninterrupted: dict[str, Any]) -> None:
    other = result(train(config_in(tmp_path, "seed=1")).folder)
    assert other["weights"] != uninterrupted["weights"]


def test_the_averaged_weights_are_tested(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tested = []
    monkeypatch.setattr(
        ImageClassifier,
        "on_test_epoch_start",
        lambda self: (tested.append(digest(self.state_dict())), self.test_sums.reset()),
    )
    run = train(config_in(tmp_path))
    assert tested == [digest(load_checkpoint_weights(run.folder / "checkpoints" / "best.ckpt"))]
