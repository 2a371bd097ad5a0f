"""The figures of the test: their numbers in the SVG, and the event file as TensorBoard reads it."""

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor

from cnncompare.config.output import DisplayConfig
from cnncompare.runs.record import BestSection, RunRecord
from cnncompare.runs.run import Predictions, Run
from cnncompare.training.loggers import confusion_figure, mistakes_figure
from cnncompare.training.loggers.confusion_figure import confusion_png
from cnncompare.training.loggers.figures import log_figures
from cnncompare.training.loggers.mistakes_figure import mistakes_png, worst_mistakes


def make_predictions(n: int, classes: int, right: float = 0.8) -> Predictions:
    draw = np.random.default_rng(0)
    label = draw.integers(classes, size=n).astype(np.int16)
    first = np.where(draw.random(n) < right, label, draw.integers(classes, size=n))
    top5 = np.stack([first, *draw.integers(classes, size=(4, n))], axis=1).astype(np.int16)
    return Predictions(label, top5, draw.random(n).astype(np.float32))


class Images:
    """Black test images; keeps the positions that were requested."""

    def __init__(self, classes: int, channels: int = 3) -> None:
        self.class_names = [f"class {i}" for i in range(classes)]
        self.channels = channels
        self.requested: list[int] = []

    def test_images(self, indices: Sequence[int]) -> Tensor:
        self.requested = list(indices)
        return torch.zeros(len(indices), self.channels, 8, 8, dtype=torch.uint8)


@pytest.fixture
def svgs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list of the SVG images that become PNG files."""
    drawn: list[str] = []

    def recorded(svg: str) -> bytes:
        drawn.append(svg)
        return b""

    monkeypatch.setattr(confusion_figure, "to_png", recorded)
    monkeypatch.setattr(mistakes_figure, "to_png", recorded)
    return drawn


def texts(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]+)</text>", svg)


def test_the_confusion_matrix_states_accuracy_and_classes(svgs: list[str]) -> None:
    predictions = make_predictions(1000, 10)
    predictions.top5[:7, 0] = -1  # could not be read
    confusion_png(predictions, [f"class {i}" for i in range(10)])
    was_read = predictions.top5[:, 0] >= 0
    accuracy = 100 * (predictions.label == predictions.top5[:, 0])[was_read].mean()
    written = texts(svgs[0])
    assert f"993 test images, top-1 {accuracy:.1f} %" in written
    assert written.count("class 3") == 2  # on each axis


def test_of_many_classes_the_figure_has_those_with_the_most_errors(svgs: list[str]) -> None:
    label = np.arange(1000, dtype=np.int16)
    predicted = label.copy()
    predicted[[3, 700]] = [700, 3]
    predictions = Predictions(label, predicted[:, None], np.ones(1000, np.float32))
    confusion_png(predictions, [f"c{i}" for i in label])
    written = texts(svgs[0])
    assert {"c3", "c700"} <= set(written)
    assert any("The 25 classes with the most errors, of 1000." in text for text in written)


def test_the_worst_mistakes_are_wrong_and_most_confident_first() -> None:
    predictions = Predictions(
        label=np.array([0, 1, 2, 0, 1], dtype=np.int16),
        top5=np.array([[0], [2], [1], [1], [-1]], dtype=np.int16),
        confidence=np.array([0.99, 0.6, 0.9, 0.7, 1.0], dtype=np.float32),
    )
    assert worst_mistakes(predictions, 2) == [2, 3]
    assert worst_mistakes(predictions, 9) == [2, 3, 1]
    assert worst_mistakes(predictions, 0) == []


@pytest.mark.parametrize(("n", "channels"), [(1, 1), (3, 3), (25, 3)])
def test_each_mistake_has_both_classes(n: int, channels: int, svgs: list[str]) -> None:
    predictions = make_predictions(400, 10)
    positions = worst_mistakes(predictions, n)
    images = Images(10, channels)
    mistakes_png(predictions, positions, images.test_images(positions), images.class_names)
    written = texts(svgs[0])
    for position in positions:
        assert images.class_names[predictions.label[position]] in written
        confidence = 100 * predictions.confidence[position]
        predicted = images.class_names[predictions.top5[position, 0]]
        assert f"{confidence:.0f} %: {predicted}" in written
    assert svgs[0].count("<image") == n


def log(folder: Path, config: DisplayConfig, predictions: Predictions) -> Images:
    np.savez(
        folder / "predictions.npz", **{k: v for k, v in vars(predictions).items() if v is not None}
    )
    record = RunRecord.model_construct(best=BestSection(epoch=7))  # type: ignore[call-arg]
    options: dict[str, Any] = {"save_dir": folder, "name": "", "version": ""}
    board = TensorBoardLogger(**options, default_hp_metric=False)
    board.log_metrics({"val_acc1": 0.5}, step=1)
    board.finalize("success")  # as after training: the figures open the file again
    images = Images(10)
    log_figures([CSVLogger(**options), board], Run(folder, record), images, config)
    board.finalize("success")
    return images


def test_both_figures_reach_tensorboard(tmp_path: Path) -> None:
    predictions = make_predictions(200, 10)
    images = log(tmp_path, DisplayConfig(worst_mistakes=4), predictions)
    assert images.requested == worst_mistakes(predictions, 4)
    events = EventAccumulator(str(tmp_path)).Reload()
    assert sorted(events.Tags()["images"]) == ["test/confusion_matrix", "test/worst_mistakes"]
    (event,) = events.Images("test/confusion_matrix")
    assert event.step == 7
    image = Image.open(io.BytesIO(event.encoded_image_string))
    assert 600 < image.width < 2000  # pixels: legible, and still viewed as a whole


def test_disabled_figures_and_a_run_without_mistakes_log_nothing(tmp_path: Path) -> None:
    off = DisplayConfig(confusion_matrix=False, worst_mistakes=5)
    log(tmp_path, off, make_predictions(50, 10, right=1.1))
    assert EventAccumulator(str(tmp_path)).Reload().Tags()["images"] == []
