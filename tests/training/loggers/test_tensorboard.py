"""The event file of a run, read back as TensorBoard reads it."""

from pathlib import Path

import yaml
from pytorch_lightning.loggers import CSVLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.text import metadata

from cnncompare.training.callbacks.epoch_recorder import COLUMNS
from cnncompare.training.loggers.tensorboard import TAGS, RunBoard, log_description
from tests.composing import compose_config


def test_every_column_of_the_epochs_has_a_group_and_the_accuracy_is_the_first() -> None:
    assert set(TAGS) == set(COLUMNS) - {"epoch"}
    assert len(set(TAGS.values())) == len(TAGS)
    groups = sorted({tag.partition("/")[0] for tag in TAGS.values()} | {"result", "test"})
    assert groups[:2] == ["accuracy", "loss"]  # TensorBoard opens these


def test_values_are_logged_under_the_tags_and_others_under_their_names(tmp_path: Path) -> None:
    board = RunBoard(tmp_path)
    board.log_metrics({"train_acc1": 0.5, "val_acc1": 0.25, "sharpness": 2.0, "epoch": 3}, step=4)
    board.finalize("success")
    events = EventAccumulator(str(tmp_path)).Reload()
    found = {tag: events.Scalars(tag)[0] for tag in events.Tags()["scalars"]}
    assert {tag: event.value for tag, event in found.items()} == {
        "accuracy/train": 0.5,
        "accuracy/val": 0.25,
        "sharpness": 2.0,
    }
    assert {event.step for event in found.values()} == {4}
    assert [path.name[:20] for path in tmp_path.iterdir()] == ["events.out.tfevents."]


def test_the_description_has_the_configuration_and_train_beside_validation(tmp_path: Path) -> None:
    board, config = RunBoard(tmp_path), compose_config("data=digits", "model=resnet20", "seed=7")
    log_description([board, CSVLogger(tmp_path / "csv")], config)
    board.finalize("success")
    events = EventAccumulator(str(tmp_path)).Reload()
    (text,) = events.Tensors("configuration")[0].tensor_proto.string_val
    assert events.summary_metadata["configuration"].plugin_data.plugin_name == metadata.PLUGIN_NAME
    assert yaml.safe_load(text.decode().strip("`").removeprefix("yaml")) == config.model_dump()
    (content,) = events.Tensors("custom_scalars__config__")[0].tensor_proto.string_val
    (category,) = layout_pb2.Layout.FromString(content).category
    assert [list(chart.multiline.tag) for chart in category.chart] == [
        ["^accuracy/train$", "^accuracy/val$"],
        ["^loss/train$", "^loss/val$"],
    ]
