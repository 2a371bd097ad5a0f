"""One list of callbacks for every rank, for training and for tests of pretrained weights."""

import csv
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from pytorch_lightning.callbacks import Callback, EMAWeightAveraging

from cnncompare.training.callbacks.build import build_callbacks, find_callback
from cnncompare.training.callbacks.early_stopping import StopWithoutImprovement
from cnncompare.training.callbacks.epoch_recorder import EpochRecorder
from cnncompare.training.callbacks.interruption import Interruption
from cnncompare.training.callbacks.progress import Progress
from cnncompare.training.callbacks.swa import MeanOfEpochs
from cnncompare.training.checkpoints import BestAndLastCheckpoint
from tests.composing import compose_config

Call = Callable[..., subprocess.CompletedProcess[str]]
TRAINED = ("data=digits", "callbacks=[early_stopping,swa]")
TESTED = ("experiment=imagenet_val", "data.root=.")

# a callback of the user's that waits for every rank, at the start and after each epoch
TALKING = """\
import pytorch_lightning as pl
import torch
from cnncompare.extensions import register_callback


@register_callback("talking")
class Talking(pl.Callback):
    def on_train_start(self, trainer, pl_module):
        trainer.strategy.barrier()

    def on_train_epoch_end(self, trainer, pl_module):
        ranks = torch.ones(())
        torch.distributed.all_reduce(ranks)
        pl_module.log("ranks", ranks)
        pl_module.log("mean_rank", float(trainer.global_rank), sync_dist=True)

    def on_test_end(self, trainer, pl_module):
        trainer.strategy.barrier()
"""
METRIC = """
from torchmetrics.classification import MulticlassAccuracy
from cnncompare.extensions import register_metric

@register_metric("share")
def share(*, classes):
    return MulticlassAccuracy(classes, average="micro")
"""


@pytest.mark.parametrize("overrides", [TRAINED, TESTED])
def test_every_rank_has_the_same_callbacks(overrides: tuple[str, ...], tmp_path: Path) -> None:
    config = compose_config(*overrides)
    extra = Callback()
    lists = [
        build_callbacks(config, rank, folder=tmp_path, interruption=Interruption(), extra=[extra])
        for rank in (0, 1, 7)
    ]
    kinds = [[type(callback) for callback in callbacks] for callbacks in lists]
    assert kinds[0] == kinds[1] == kinds[2]
    assert {Interruption, Progress, Callback} <= set(kinds[0])
    assert [find_callback(callbacks, Progress).mode for callbacks in lists[1:]] == ["off", "off"]


def test_the_order_is_that_which_each_callback_needs(tmp_path: Path) -> None:
    callbacks = build_callbacks(compose_config(*TRAINED), 0, folder=tmp_path)
    kinds = [type(callback) for callback in callbacks]
    assert kinds[0] is MeanOfEpochs  # validation uses the mean
    assert kinds[-1] is BestAndLastCheckpoint
    order = [kinds.index(k) for k in (StopWithoutImprovement, EpochRecorder, Progress)]
    assert order == sorted(order)
    averaged = compose_config("data=digits", "trainer.ema_decay=0.9")
    assert isinstance(build_callbacks(averaged, 0, folder=tmp_path)[0], EMAWeightAveraging)


def test_a_callback_that_communicates_does_not_hang_two_processes(
    cnncompare: Call, tmp_path: Path
) -> None:
    for group in ("callbacks", "metrics"):
        (tmp_path / "conf" / group).mkdir(parents=True)
    (tmp_path / "conf" / "callbacks" / "talking.yaml").write_text("talking: {module: mine}\n")
    (tmp_path / "conf" / "metrics" / "share.yaml").write_text("share: {module: mine}\n")
    (tmp_path / "mine.py").write_text(TALKING + METRIC)
    done = cnncompare(
        *("data=synthetic", "model=lenet5", "optimizer=adamw", "trainer.devices=2"),
        *("data.limit_train=128", "data.limit_test=51", "data.batch_size=16", "logger=[]"),
        *("trainer.accelerator=cpu", "trainer.max_epochs=3", "callbacks=[talking,early_stopping]"),
        *("callbacks.early_stopping.patience=1", "callbacks.early_stopping.min_delta=0.99"),
        *("metrics=share", "data.synthetic.noise=2.0"),
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.glob("outputs/*/*/run.json")
    record = json.loads(path.read_text())
    assert (record["training"]["devices"], record["training"]["epochs_done"]) == (2, 2)
    with (path.parent / "epochs.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["ranks"]) for row in rows] == [2.0, 2.0]
    assert [float(row["mean_rank"]) for row in rows] == [0.5, 0.5]
    # the metric covers the images of both processes: it is the accuracy
    assert record["test"]["metrics"]["share"] == pytest.approx(record["test"]["acc1"])
    assert [float(row["val_share"]) for row in rows] == pytest.approx(
        [float(row["val_acc1"]) for row in rows]
    )
