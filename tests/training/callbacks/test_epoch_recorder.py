"""The epoch recorder against hand calculation, with a clock that only the steps move."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger
from sklearn.metrics import accuracy_score, top_k_accuracy_score
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from cnncompare.system.cpu_usage import CpuTimes
from cnncompare.system.memory import peak_gpu_mib, peak_rss_mib
from cnncompare.training.callbacks.epoch_recorder import COLUMNS, EpochRecorder

from .conftest import CLASSES, QUIET, Clock, Loader, SlowTask, make_task, make_trainer

CONTRACT = [
    *("epoch", "train_s", "val_s", "data_wait_s", "images_per_s", "lr"),
    *("train_loss", "train_acc1", "val_loss", "val_acc1", "val_acc5"),
    *("peak_rss_mib", "peak_gpu_mib"),
    *("other_cpu_share", "gpu_sm_clock_mhz", "gpu_throttled"),
]

pytestmark = QUIET


class Dawdler(pl.Callback):
    """Spends time where a checkpoint is written or another callback works."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def _dawdle(self, *_: Any) -> None:
        self.clock.now += 100.0

    on_validation_end = _dawdle  # type: ignore[assignment]
    on_train_epoch_end = _dawdle  # type: ignore[assignment]
    on_train_start = _dawdle  # type: ignore[assignment]


def _read(folder: Path) -> list[dict[str, str]]:
    with (folder / "epochs.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def _fit(
    folder: Path, clock: Clock, epochs: int = 3, **options: Any
) -> tuple[EpochRecorder, SlowTask, Loader, Loader]:
    recorder, task = EpochRecorder(folder, clock, lambda: None), make_task(clock)
    train, val = Loader(18, evaluation=False, wait=0.25), Loader(11, evaluation=True, seed=1)
    trainer = make_trainer(folder, [recorder, Dawdler(clock)], max_epochs=epochs, **options)
    trainer.fit(task, train, val)
    return recorder, task, train, val


def test_times_are_those_of_the_steps_alone(tmp_path: Path, clock: Clock) -> None:
    _fit(tmp_path, clock, num_sanity_val_steps=2)
    rows = _read(tmp_path)
    assert list(rows[0]) == CONTRACT == list(COLUMNS)
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    for row in rows:  # 5 batches of 2 s and 0.25 s waiting; 3 of 0.5 s
        assert float(row["train_s"]) == 10.0
        assert float(row["val_s"]) == 1.5
        assert float(row["data_wait_s"]) == 1.25
        assert float(row["images_per_s"]) == 1.8
        assert float(row["lr"]) == 1e-9
        assert row["peak_gpu_mib"] == "" or torch.cuda.is_available()


def test_the_row_has_the_cpu_share_of_other_processes(tmp_path: Path, clock: Clock) -> None:
    """Of two cores over 11.5 s they take 4.6 s, then nothing; then the system reports nothing."""
    used = {1: CpuTimes(0, 0, 0), 2: CpuTimes(16.1, 11.5, 23), 3: CpuTimes(27.6, 23, 46)}

    class Task(SlowTask):
        def on_train_epoch_start(self) -> None:
            super().on_train_epoch_start()
            epoch.append(self.current_epoch + 1)

    epoch: list[int] = [1]
    recorder = EpochRecorder(tmp_path, clock, lambda: used.get(len(epoch)))
    task = make_task(clock)
    task.__class__ = Task
    trainer = make_trainer(tmp_path, [recorder], max_epochs=3)
    trainer.fit(task, Loader(8, evaluation=False), Loader(8, evaluation=True))
    shares = [row["other_cpu_share"] for row in _read(tmp_path)]
    assert [share and round(float(share), 9) for share in shares] == [0.2, 0.0, ""]


def test_results_agree_with_scikit_learn(tmp_path: Path, clock: Clock) -> None:
    _, task, train, val = _fit(tmp_path, clock)
    row = _read(tmp_path)[-1]
    for name, loader in {"train": train, "val": val}.items():
        logits = task(loader.images).detach()
        assert float(row[f"{name}_acc1"]) == accuracy_score(loader.labels, logits.argmax(1))
        loss = float(F.cross_entropy(logits, loader.labels))
        assert float(row[f"{name}_loss"]) == pytest.approx(loss, rel=1e-5)
    top5 = top_k_accuracy_score(val.labels, task(val.images).detach(), k=5, labels=range(CLASSES))
    assert float(row["val_acc5"]) == top5


def test_without_validation_its_cells_are_empty(tmp_path: Path, clock: Clock) -> None:
    recorder = EpochRecorder(tmp_path, clock)
    make_trainer(tmp_path, [recorder]).fit(make_task(clock), Loader(8, evaluation=False))
    (row,) = _read(tmp_path)
    assert [row[name] for name in CONTRACT if name.startswith("val")] == [""] * 4
    assert float(row["train_s"]) == 4.0
    assert recorder.timing(None).epoch_s == 4.0


def test_lr_is_that_of_the_first_step(tmp_path: Path, clock: Clock) -> None:
    class Falling(SlowTask):
        def configure_optimizers(self) -> Any:
            optimizer = torch.optim.SGD(self.parameters(), lr=1.0)
            falling = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
            return {
                "optimizer": optimizer,
                "lr_scheduler": {"scheduler": falling, "interval": "step"},
            }

    task = make_task(clock)
    task.__class__ = Falling
    train = Loader(12, evaluation=False)
    make_trainer(tmp_path, [EpochRecorder(tmp_path, clock)], max_epochs=2).fit(task, train)
    assert [float(row["lr"]) for row in _read(tmp_path)] == [1.0, 0.125]


class Measurement(pl.Callback):
    """A callback of a user's own."""

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.current_epoch:  # late on purpose
            pl_module.log("sharpness", 3.5, logger=False)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, *_: Any) -> None:
        pl_module.log("grad_norm", 2.0, on_step=False, on_epoch=True)


def test_metrics_of_other_callbacks_follow_the_columns(tmp_path: Path, clock: Clock) -> None:
    callbacks = [Measurement(), EpochRecorder(tmp_path, clock)]
    logger = TensorBoardLogger(tmp_path, name="", version="", default_hp_metric=False)
    trainer = make_trainer(tmp_path, callbacks, max_epochs=2, logger=logger)
    trainer.fit(make_task(clock), Loader(8, evaluation=False), Loader(8, evaluation=True))
    first, second = _read(tmp_path)
    assert list(first) == [*CONTRACT, "grad_norm", "sharpness"]
    assert (first["grad_norm"], first["sharpness"]) == ("2.0", "")
    assert (second["grad_norm"], second["sharpness"]) == ("2.0", "3.5")
    logger.finalize("success")
    events = EventAccumulator(str(tmp_path)).Reload()
    assert [point.value for point in events.Scalars("sharpness")] == [3.5]
    assert len(events.Scalars("grad_norm")) == 2  # once an epoch, not twice


def test_every_logger_gets_every_column_with_the_epoch_as_step(
    tmp_path: Path, clock: Clock
) -> None:
    location: dict[str, Any] = {"save_dir": tmp_path, "name": "", "version": ""}
    loggers = [TensorBoardLogger(**location, default_hp_metric=False), CSVLogger(**location)]
    _fit(tmp_path, clock, logger=loggers)
    for logger in loggers:
        logger.finalize("success")
    rows = _read(tmp_path)
    events = EventAccumulator(str(tmp_path)).Reload()
    logged = [name for name in CONTRACT if name != "epoch" and rows[0][name]]
    assert set(logged) <= set(events.Tags()["scalars"])
    for name in logged:
        points = events.Scalars(name)
        assert [point.step for point in points] == [1, 2, 3]
        expected = [float(row[name]) for row in rows]
        assert [point.value for point in points] == pytest.approx(expected, rel=1e-6)
    with (tmp_path / "metrics.csv").open(newline="") as file:
        table = [row for row in csv.DictReader(file) if row["train_s"]]
    assert [(row["step"], row["train_s"]) for row in table] == [
        ("1", "10.0"),
        ("2", "10.0"),
        ("3", "10.0"),
    ]


def test_a_resumed_run_has_each_epoch_once(tmp_path: Path, clock: Clock) -> None:
    def fit(epochs: int, **options: Any) -> EpochRecorder:
        recorder = EpochRecorder(tmp_path, clock)
        last = ModelCheckpoint(
            dirpath=tmp_path,
            filename="last",
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        )
        trainer = make_trainer(
            tmp_path, [recorder, last], max_epochs=epochs, enable_checkpointing=True
        )
        loaders = Loader(8, evaluation=False), Loader(8, evaluation=True)
        trainer.fit(make_task(clock), *loaders, **options)
        return recorder

    fit(2)
    before = _read(tmp_path)
    with (tmp_path / "epochs.csv").open("a") as file:  # the checkpoint after it was never written
        file.write("3" + "," * 12 + "\n")
    recorder = fit(4, ckpt_path=tmp_path / "last.ckpt", weights_only=True)
    rows = _read(tmp_path)
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4"]
    assert rows[:2] == before
    assert all(float(row["train_s"]) == 4.0 for row in rows)
    assert recorder.timing(3).time_to_best_s == 15.0


def _row(epoch: int, train_s: float, val_s: float, peak: float) -> dict[str, float | None]:
    known = {"epoch": epoch, "train_s": train_s, "val_s": val_s, "peak_rss_mib": peak}
    return {name: known.get(name) for name in COLUMNS} | {"data_wait_s": 0.5}


def test_timing_leaves_the_first_epoch_out_when_there_are_more(tmp_path: Path) -> None:
    recorder = EpochRecorder(tmp_path)
    recorder.rows = [_row(1, 90.0, 9.0, 1.0)]
    assert recorder.timing(1).train_s == 90.0
    recorder.rows += [_row(2, 10.0, 4.0, 2.0), _row(3, 20.0, 1.0, 3.0), _row(4, 30.0, 2.0, 2.0)]
    timing = recorder.timing(3)
    assert (timing.train_s, timing.val_s, timing.data_wait_s) == (20.0, 2.0, 0.5)
    assert timing.epoch_s == 21.0  # the median of 14, 21, 32: not the sum of medians
    assert timing.images_per_s is None
    assert timing.time_to_best_s == 99.0 + 14.0 + 21.0


def test_no_epoch_measures_nothing(tmp_path: Path) -> None:
    timing = EpochRecorder(tmp_path).timing(None)
    assert set(timing.model_dump().values()) == {None}


def test_memory_includes_the_time_before_an_interruption(tmp_path: Path) -> None:
    recorder = EpochRecorder(tmp_path)
    recorder.rows = [_row(1, 1.0, 1.0, 1e9)]
    assert recorder.memory().peak_rss_mib == 1e9


def test_peak_memory_grows_by_what_was_touched() -> None:
    before = peak_rss_mib()
    assert before is not None
    touched = np.ones(int(before) * 2**17 + 2**25)  # the present peak and 256 MiB more
    after = peak_rss_mib()
    assert after is not None
    assert after >= touched.nbytes / 2**20
    del touched
    assert peak_rss_mib() == pytest.approx(after, rel=0.01)


def test_gpu_peak_is_null_without_one() -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    assert peak_gpu_mib() is None
