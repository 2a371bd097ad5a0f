"""The HParams summaries, read back as TensorBoard's plugin reads them."""

from pathlib import Path

from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata

from cnncompare.runs.record import (
    BestSection,
    DataSection,
    MemorySection,
    ModelSection,
    RunRecord,
    TestSection,
    TimingSection,
)
from cnncompare.runs.record import TrainingSection as Training
from cnncompare.training.loggers.hparams import log_hparams
from tests.composing import compose_config

CONFIG = compose_config("data=digits", "model=resnet20")
TestSection.__test__ = False  # type: ignore[attr-defined]  # a section of the record, not a test


def _record(gpu: float | None = None) -> RunRecord:
    training = Training.model_construct(  # type: ignore[call-arg]  # what HParams needs of it
        seed=3, max_epochs=5, epochs_done=5, batch_size=128, image_size=32, optimizer="sgd",
        lr=0.1, weight_decay=5e-4, scheduler="cosine", label_smoothing=0.0, ema_decay=None,
        gradient_clip_norm=None, precision="32-true", channels_last=False, compile=False,
        accelerator="cpu", devices=1, protocol="holdout", augment={"flip": True, "policy": None},
    )  # fmt: skip
    return RunRecord.model_construct(  # type: ignore[call-arg]
        training=training,
        model=ModelSection(
            name="resnet20", source="own", stem="cifar", params=272_474, input_size=[]
        ),
        data=DataSection(name="digits", classes=10, n_train=1293, n_test=360, fingerprint="f"),
        best=BestSection(epoch=4, val_acc1=0.75),
        test=TestSection(
            acc1=0.5, acc5=0.875, loss=1.25, n=360, balanced_acc1=0.625, macro_f1=0.375
        ),
        timing=TimingSection(epoch_s=2.5, images_per_s=512.0),
        memory=MemorySection(peak_rss_mib=600.0, peak_gpu_mib=gpu),
    )


def _board(folder: Path) -> TensorBoardLogger:
    return TensorBoardLogger(folder, name="", version="", default_hp_metric=False)


def _read(folder: Path) -> EventAccumulator:
    return EventAccumulator(str(folder)).Reload()


def test_settings_and_final_metrics_come_back(tmp_path: Path) -> None:
    board = _board(tmp_path)
    board.log_metrics({"val_acc1": 0.625}, step=5)  # the last epoch's, which is not the chosen one
    log_hparams([board], CONFIG, _record())
    board.finalize("success")
    events = _read(tmp_path)
    plugin = events.summary_metadata
    start = metadata.parse_session_start_info_plugin_data(
        plugin[metadata.SESSION_START_INFO_TAG].plugin_data.content
    )
    values = {
        name: getattr(value, value.WhichOneof("kind")) for name, value in start.hparams.items()
    }
    assert values["model"] == "resnet20"
    assert values["lr"] == 0.1
    assert values["seed"] == 3
    assert values["training/channels_last"] == "False"
    assert values["training/augment_flip"] == "True"
    assert sorted(values)[:5] == ["batch_size", "data", "epochs", "lr", "model"]  # what is shown
    experiment = metadata.parse_experiment_plugin_data(
        plugin[metadata.EXPERIMENT_TAG].plugin_data.content
    )
    declared = {info.name.tag for info in experiment.metric_infos}
    found = {tag: events.Scalars(tag)[-1].value for tag in events.Tags()["scalars"]}
    assert found == {
        "val_acc1": 0.625,
        "result/test_acc1": 0.5,
        "result/test_acc5": 0.875,
        "result/test_loss": 1.25,
        "result/test_balanced_acc1": 0.625,
        "result/test_macro_f1": 0.375,
        "result/val_acc1": 0.75,
        "result/epoch_s": 2.5,
        "result/images_per_s": 512.0,
        "result/peak_rss_mib": 600.0,
        "result/params": 272_474.0,
    }
    assert {tag for tag in found if tag.startswith("result/")} < declared
    assert declared - set(found) == {"result/peak_gpu_mib"}  # declared for the runs that have it
    assert not any("hp_metric" in tag for tag in [*found, *declared])
    assert {info.name for info in experiment.hparam_infos} == set(values)


def test_runs_declare_the_same_whatever_was_measured(tmp_path: Path) -> None:
    contents = []
    for name, record in {"cpu": _record(), "gpu": _record(gpu=99.0)}.items():
        board = _board(tmp_path / name)
        log_hparams([board], CONFIG, record)
        board.finalize("success")
        plugin = _read(tmp_path / name).summary_metadata
        parsed = metadata.parse_experiment_plugin_data(
            plugin[metadata.EXPERIMENT_TAG].plugin_data.content
        )
        contents.append(sorted(info.name.tag for info in parsed.metric_infos))
    assert contents[0] == contents[1]


def test_other_loggers_get_the_same_settings(tmp_path: Path) -> None:
    logger = CSVLogger(tmp_path, name="", version="")
    log_hparams([logger], CONFIG, _record())
    logger.save()
    assert "result/test_acc1" in (tmp_path / "metrics.csv").read_text()
    assert "model: resnet20" in (tmp_path / "hparams.yaml").read_text()
