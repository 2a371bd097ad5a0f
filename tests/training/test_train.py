import csv
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from cnncompare.errors import Interrupted, ModelError, RunError
from cnncompare.models.checkpoint import load_checkpoint_weights
from cnncompare.runs import run as runs
from cnncompare.runs.run import Run, read_existing
from cnncompare.training import train as train_module
from cnncompare.training.loggers.tensorboard import TAGS
from cnncompare.training.train import train
from tests.composing import compose_config

Call = Callable[..., subprocess.CompletedProcess[str]]

SMALL = (
    "data=synthetic",
    "data.synthetic.classes=4",
    "data.synthetic.noise=2.0",  # so that some predictions are wrong
    "data.limit_train=96",
    "data.limit_test=50",
    "data.batch_size=32",
    "model=lenet5",
    "optimizer=adamw",
    "trainer.max_epochs=2",
    "trainer.threads=1",
    "display.progress=off",
)
COLUMNS = (
    "epoch train_s val_s data_wait_s images_per_s lr train_loss train_acc1 val_loss val_acc1 "
    "val_acc5 peak_rss_mib peak_gpu_mib other_cpu_share gpu_sm_clock_mhz gpu_throttled"
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(compose_config(*SMALL, f"output_root={tmp_path_factory.mktemp('outputs')}"))


def test_the_record_is_complete(run: Run) -> None:
    record = json.loads((run.folder / "run.json").read_text())
    assert record["status"] == "finished"
    assert record["id"] == run.folder.name
    null = {
        f"{section}.{key}"
        for section, content in record.items()
        if isinstance(content, dict)
        for key, value in content.items()
        if value is None
    }
    assert null <= {
        "model.pretrained",
        "memory.peak_gpu_mib",
        "environment.gpu",
        "environment.git_commit",
        "environment.git_dirty",
        "data.resampling",
        "training.resize",
        "training.interpolation",
        "training.limit_val",
        "training.ema_decay",
        "training.head_lr",
        "training.weights_prefix",
        "training.class_weights",
        "test.acc5",  # of four classes
        "test.correct5",
        "training.gradient_clip_norm",
    }
    assert record["model"]["params"] == sum(p.numel() for p in _weights(run).values())
    assert record["training"]["epochs_done"] == 2


def _weights(run: Run) -> dict[str, torch.Tensor]:
    saved = torch.load(run.folder / "checkpoints" / "best.ckpt", weights_only=True)
    return {key: value for key, value in saved["state_dict"].items() if "network." in key}


def test_the_best_checkpoint_holds_weights_only(run: Run) -> None:
    best, last = (
        torch.load(run.folder / "checkpoints" / f"{name}.ckpt", weights_only=True)
        for name in ("best", "last")
    )
    assert {"optimizer_states", "lr_schedulers", "callbacks", "loops"} <= last.keys()
    assert best.keys() == {"state_dict", "epoch", "global_step", "pytorch-lightning_version"}
    # AdamW keeps two moments of each weight
    size = (run.folder / "checkpoints" / "best.ckpt").stat().st_size
    assert size < 0.4 * (run.folder / "checkpoints" / "last.ckpt").stat().st_size


def test_the_classes_are_named_in_order(run: Run) -> None:
    names = json.loads((run.folder / "classes.json").read_text())
    assert len(names) == run.record.data.classes == 4


def test_epochs_have_the_columns_of_the_contract(run: Run) -> None:
    with (run.folder / "epochs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0])[:16] == tuple(COLUMNS.split())
    assert [row["epoch"] for row in rows] == ["1", "2"]
    best = max(rows, key=lambda row: float(row["val_acc1"]))
    assert run.record.best.epoch == int(best["epoch"])
    assert run.record.timing.train_s == float(rows[1]["train_s"])  # the first is left out


def test_predictions_give_the_recorded_accuracy(run: Run) -> None:
    saved = run.predictions()
    n = run.record.data.n_test
    assert (saved.label.dtype, saved.top5.dtype, saved.confidence.dtype) == (
        np.int16,
        np.int16,
        np.float32,
    )
    assert (saved.label.shape, saved.top5.shape, saved.confidence.shape) == ((n,), (n, 4), (n,))
    right = saved.top5[:, 0] == saved.label
    assert run.record.test.n == n == 50
    assert run.record.test.correct1 == right.sum()
    assert run.record.test.acc1 == pytest.approx(right.mean())
    assert (run.record.test.acc5, run.record.test.correct5) == (None, None)  # of four classes


def test_tensorboard_has_every_column_and_the_figures(run: Run) -> None:
    board = EventAccumulator(str(run.folder))
    board.Reload()
    assert not (run.folder / "hparams.yaml").exists()
    with (run.folder / "epochs.csv").open(newline="") as file:
        row = next(csv.DictReader(file))
    expected = {TAGS[key] for key, value in row.items() if value and key != "epoch"}
    assert expected <= set(board.Tags()["scalars"])
    assert {tag.partition("/")[0] for tag in board.Tags()["scalars"]} == {
        *("accuracy", "loss", "machine", "result", "time", "training")
    }
    (configuration,) = board.Tensors("configuration")[0].tensor_proto.string_val
    settings = yaml.safe_load(configuration.decode().strip("`").removeprefix("yaml"))
    assert settings["model"]["name"] == run.record.model.name
    assert "custom_scalars__config__" in board.Tags()["tensors"]
    assert "hp_metric" not in board.Tags()["scalars"]
    assert len(board.Tags()["images"]) == 2
    assert [event.step for event in board.Scalars("accuracy/val")] == [1, 2]


def test_the_same_configuration_gives_the_same_numbers(run: Run, tmp_path: Path) -> None:
    again = train(compose_config(*SMALL, f"output_root={tmp_path}"))
    assert again.folder.name == run.folder.name
    first, second = _weights(run), _weights(again)
    assert all(torch.equal(first[key], second[key]) for key in first)
    for key in ("train_loss", "train_acc1", "val_loss", "val_acc1"):
        assert [row[key] for row in run.epochs()] == [row[key] for row in again.epochs()]
    assert again.record.test == run.record.test


def test_another_seed_gives_other_weights_and_the_same_split(run: Run, tmp_path: Path) -> None:
    other = train(compose_config(*SMALL, "seed=1", f"output_root={tmp_path}"))
    first, second = _weights(run), _weights(other)
    assert not all(torch.equal(first[key], second[key]) for key in first)
    assert other.record.data == run.record.data
    assert other.record.training.recipe_hash == run.record.training.recipe_hash


def test_a_finished_run_is_returned_and_not_trained_again(run: Run) -> None:
    before = (run.folder / "run.json").read_bytes()
    again = train(compose_config(*SMALL, f"output_root={run.folder.parents[1]}"))
    assert again.record == run.record
    assert (run.folder / "run.json").read_bytes() == before


@pytest.fixture
def leaves_no_process_group() -> Iterator[None]:
    """Undo the initialisation of torch.distributed, whose port later processes would inherit."""
    environment = dict(os.environ)
    yield
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
    os.environ.clear()
    os.environ.update(environment)


def test_choosing_on_the_test_set_is_marked(tmp_path: Path) -> None:
    run = train(compose_config(*SMALL, "data.protocol=test_as_val", f"output_root={tmp_path}"))
    assert run.record.training.selection == "best epoch on the test set"
    assert run.record.training.test_reads == 3
    assert run.record.data.n_val == run.record.data.n_test
    assert run.record.best.val_acc1 == run.record.test.acc1


@pytest.mark.parametrize(
    "overrides",
    [
        ("trainer.ema_decay=0.9", "trainer.gradient_clip_val=1.0", "loss.label_smoothing=0.1"),
        ("trainer.precision=bf16-mixed", "trainer.gradient_clip_val=1.0"),
        ("trainer=cpu_fast", "model=resnet18", "model.stem=imagenet"),
        ("trainer.precision=bf16-mixed", "trainer.channels_last=true", "scheduler=onecycle"),
        ("data.augment.mix=cutmix", "data.augment.policy=trivialaugment", "data.augment.erase=0.5"),
        ("logger=[tensorboard,csv]", "optimizer=sgd", "optimizer.lr=0.01", "scheduler=multistep"),
    ],
)
def test_every_option_trains(overrides: tuple[str, ...], tmp_path: Path) -> None:
    run = train(compose_config(*SMALL, *overrides, f"output_root={tmp_path}"))
    assert run.record.status == "finished"
    assert run.record.test.n == 50
    assert all(row["train_loss"] is not None for row in run.epochs())


@pytest.mark.usefixtures("leaves_no_process_group")
@pytest.mark.filterwarnings("ignore:.*sync_dist=True")  # the sums are already those of all
def test_checks_before_the_first_epoch_and_ddp_change_no_number(tmp_path: Path) -> None:
    """A single process with ddp averages its gradients over itself."""
    base = (*SMALL, "trainer.ema_decay=0.9", "trainer.accelerator=cpu")
    plain = train(compose_config(*base, f"output_root={tmp_path / 'plain'}"))
    changed = ("trainer.num_sanity_val_steps=2", "trainer.strategy=ddp")
    other = train(compose_config(*base, *changed, f"output_root={tmp_path / 'other'}"))
    assert other.folder.name == plain.folder.name
    assert other.record.config_hash == plain.record.config_hash
    weights, same = _weights(plain), _weights(other)
    assert all(torch.equal(weights[name], same[name]) for name in weights)
    assert [row["val_loss"] for row in other.epochs()] == [
        row["val_loss"] for row in plain.epochs()
    ]
    assert other.record.test == plain.record.test
    assert plain.record.training.strategy == "single_device"
    assert other.record.training.strategy == "ddp"


def test_a_frozen_backbone_keeps_its_weights_and_statistics(run: Run, tmp_path: Path) -> None:
    overrides = (*SMALL, "model=resnet20", f"output_root={tmp_path}")
    trained = train(compose_config(*overrides))
    state = {key.removeprefix("network."): value for key, value in _weights(trained).items()}
    torch.save(state, tmp_path / "weights.pth")
    tuned = train(
        compose_config(
            *overrides,
            f"model.weights='{tmp_path / 'weights.pth'}'",
            "model.freeze=backbone",
            "model.head_lr=0.01",
        )
    )
    after = {key.removeprefix("network."): value for key, value in _weights(tuned).items()}
    changed = {key for key in state if not torch.equal(state[key], after[key])}
    assert changed == {key for key in state if key.startswith("fc.")}
    assert (tuned.record.training.freeze, tuned.record.training.head_lr) == ("backbone", 0.01)
    assert tuned.record.model.pretrained is not None


def test_a_network_that_cannot_take_the_images_writes_nothing(tmp_path: Path) -> None:
    overrides = (*SMALL, "model=alexnet", "model.stem=imagenet", f"output_root={tmp_path / 'out'}")
    with pytest.raises(ModelError, match="63 pixels or more"):
        train(compose_config(*overrides))
    assert list(tmp_path.glob("out/*/*/run.json")) == []
    assert not (tmp_path / "out").exists()


def test_a_failure_in_training_is_in_the_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise FloatingPointError("the loss is not a number")

    monkeypatch.setattr(train_module, "_record_training", broken)
    config = compose_config(*SMALL, f"output_root={tmp_path}")
    with pytest.raises(RunError, match="FloatingPointError: the loss is not a number"):
        train(config)
    run = read_existing(config.run_folder())
    assert (run.record.status, run.record.error.type) == ("failed", "FloatingPointError")
    assert run.record.test.acc1 is None
    assert "Traceback" in (run.folder / "run.log").read_text()


def test_two_devices_count_each_test_image_once(cnncompare: Call, tmp_path: Path) -> None:
    overrides = [*SMALL, "trainer.devices=2"]
    overrides = [text.replace("limit_test=50", "limit_test=51") for text in overrides]
    done = cnncompare(*overrides, "trainer.accelerator=cpu")
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.glob("outputs/default/*/run.json")
    run = Run.read(path.parent)
    assert (run.record.training.devices, run.record.training.strategy) == (2, "ddp")
    assert run.record.test.n == 51
    saved = run.predictions()
    assert run.record.test.correct1 == (saved.top5[:, 0] == saved.label).sum()
    assert len(run.epochs()) == 2


def test_config_yaml_is_enough_to_run_it_again(cnncompare: Call, run: Run, tmp_path: Path) -> None:
    assert yaml.safe_load((run.folder / "config.yaml").read_text())["model"]["name"] == "lenet5"
    done = cnncompare("--config-path", str(run.folder), "output_root=again")
    assert done.returncode == 0, done.stderr
    again = Run.read(tmp_path / "again" / "default" / run.folder.name)
    assert again.record.test == run.record.test
    assert {path.name for path in tmp_path.iterdir()} == {"again"}


def test_test_images_that_are_training_images_are_recorded_and_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draws = np.random.default_rng(0)
    for split, n in (("train", 8), ("test", 4)):
        for name in ("cat", "dog"):
            (tmp_path / "data" / split / name).mkdir(parents=True)
            for number in range(n):
                pixels = draws.integers(0, 256, (32, 32, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(tmp_path / f"data/{split}/{name}/{number}.png")
    shutil.copy(tmp_path / "data/train/cat/0.png", tmp_path / "data/test/cat/copy.png")
    folder = (f"data.root={tmp_path}/data", f"data.cache_dir={tmp_path}/cache", "data.batch_size=4")
    choices = ("data.protocol=test_as_val", "trainer.max_epochs=1", "trainer.threads=1")
    config = compose_config(
        *("data=folder", *folder, "model=lenet5", *choices, f"output_root={tmp_path}/outputs")
    )
    leaking = train(config)
    record = json.loads((leaking.folder / "run.json").read_text())
    assert record["data"]["leaks"] == {"identical": 1}
    printed = capsys.readouterr().err
    assert "1 of 9 test images (11.1 %) is also a training image" in printed


def test_a_run_without_leaks_prints_no_line_about_them(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(compose_config(*SMALL, "trainer.max_epochs=1", f"output_root={tmp_path}"))
    assert "training image" not in capsys.readouterr().err
    assert run.record.data is not None
    assert run.record.data.leaks is not None
    assert run.record.data.leaks.identical == 0


def test_the_last_epoch_is_tested_if_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Among so few noisy images the last epoch is not the best on validation."""
    read: list[str] = []

    def load(path: Path) -> dict[str, torch.Tensor]:
        read.append(path.name)
        return load_checkpoint_weights(path)

    monkeypatch.setattr(train_module, "load_checkpoint_weights", load)
    settings = ("data.synthetic.noise=30", "trainer.max_epochs=4", f"output_root={tmp_path}")
    best = train(compose_config(*SMALL, *settings))
    last = train(compose_config(*SMALL, *settings, "data.selection=last"))
    assert read == ["best.ckpt", "last.ckpt"]
    assert last.record.training.selection == "last epoch"
    assert runs.tested_checkpoint(last.record) == "last.ckpt"
    accuracies = [row["val_acc1"] or 0.0 for row in last.epochs()]
    assert last.record.best == best.record.best
    assert last.record.best.epoch == 1 + int(np.argmax(accuracies)) < 4
    assert last.record.best.val_acc1 == max(accuracies)
    assert last.record.test.loss != best.record.test.loss
    assert best.folder.name != last.folder.name
    trained = [
        torch.load(r.folder / "checkpoints" / "last.ckpt", weights_only=True) for r in (best, last)
    ]
    states = [checkpoint["state_dict"] for checkpoint in trained]
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_an_interrupted_training_that_tests_its_last_epoch_ends_the_same(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overrides = (*SMALL, "data.selection=last")
    whole = train(compose_config(*overrides, f"output_root={tmp_path / 'whole'}"))

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    config = compose_config(*overrides, f"output_root={tmp_path / 'halves'}")
    with monkeypatch.context() as patched:
        patched.setattr(train_module, "_test", stop)
        with pytest.raises((KeyboardInterrupt, Interrupted)):
            train(config)
    halves = train(config)
    assert halves.record.test == whole.record.test
    assert halves.folder.name == whole.folder.name != run.folder.name
