"""What is drawn: counts against scikit-learn's, the worst mistakes by hand, the event file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger
from sklearn.metrics import confusion_matrix
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor

from cnncompare.config.output import DisplayConfig
from cnncompare.runs.record import BestSection, RunRecord
from cnncompare.runs.run import Predictions, Run
from cnncompare.training.loggers.confusion_figure import confusion_figure
from cnncompare.training.loggers.figures import draw_pictures, rendered
from cnncompare.training.loggers.mistakes_figure import mistakes_figure, worst


def _predictions(n: int, classes: int, right: float = 0.8) -> Predictions:
    draw = np.random.default_rng(0)
    label = draw.integers(classes, size=n).astype(np.int16)
    first = np.where(draw.random(n) < right, label, draw.integers(classes, size=n))
    top5 = np.stack([first, *draw.integers(classes, size=(4, n))], axis=1).astype(np.int16)
    return Predictions(label, top5, draw.random(n).astype(np.float32))


class Images:
    """Test images that say which was asked for."""

    def __init__(self, classes: int, channels: int = 3) -> None:
        self.class_names = [f"class {i}" for i in range(classes)]
        self.channels = channels
        self.asked: list[int] = []

    def test_images(self, indices: Sequence[int]) -> Tensor:
        self.asked = list(indices)
        return torch.zeros(len(indices), self.channels, 8, 8, dtype=torch.uint8)


@pytest.mark.parametrize("classes", [10, 100])
def test_every_count_is_written_in_its_cell(classes: int) -> None:
    predictions = _predictions(1000, classes)
    images = Images(classes)
    figure = confusion_figure(predictions.label, predictions.top5[:, 0], images.class_names)
    axes = figure.axes[0]
    written = np.zeros((classes, classes), dtype=int)
    for text in axes.texts:
        column, row = text.get_position()
        written[int(row), int(column)] = int(text.get_text())
    assert (written == confusion_matrix(predictions.label, predictions.top5[:, 0])).all()
    assert [tick.get_text() for tick in axes.get_yticklabels()] == images.class_names
    assert rendered(figure).shape[0] < 2300  # pixels: still looked at as a whole


def test_a_row_without_images_is_blank_and_a_thousand_classes_have_no_names() -> None:
    label = np.array([0, 0, 2], dtype=np.int16)
    figure = confusion_figure(label, label, ["a", "b", "c"])
    shares = figure.axes[0].images[0].get_array()
    assert shares is not None
    assert shares.tolist() == [[1, 0, 0], [0, 0, 0], [0, 0, 1]]
    many = confusion_figure(label, label, [str(i) for i in range(1000)])
    assert not many.axes[0].texts


def test_the_worst_are_wrong_and_most_confident_first() -> None:
    predictions = Predictions(
        label=np.array([0, 1, 2, 0], dtype=np.int16),
        top5=np.array([[0], [2], [1], [1]], dtype=np.int16),
        confidence=np.array([0.99, 0.6, 0.9, 0.7], dtype=np.float32),
    )
    assert worst(predictions, 2) == [2, 3]
    assert worst(predictions, 9) == [2, 3, 1]
    assert worst(predictions, 0) == []


@pytest.mark.parametrize(("n", "channels"), [(1, 1), (3, 3), (25, 3)])
def test_each_mistake_has_both_names(n: int, channels: int) -> None:
    predictions = _predictions(400, 10)
    places = worst(predictions, n)
    images = Images(10, channels)
    figure = mistakes_figure(predictions, places, images.test_images(places), images.class_names)
    shown = [axes for axes in figure.axes if axes.images]
    assert len(shown) == n
    for axes, place in zip(shown, places, strict=True):
        assert axes.get_title() == images.class_names[predictions.label[place]]
        assert axes.texts[0].get_text().startswith(images.class_names[predictions.top5[place, 0]])


def _draw(folder: Path, config: DisplayConfig, predictions: Predictions) -> tuple[Images, Path]:
    np.savez(folder / "predictions.npz", **vars(predictions))
    record = RunRecord.model_construct(best=BestSection(epoch=7))  # type: ignore[call-arg]
    place: dict[str, Any] = {"save_dir": folder, "name": "", "version": ""}
    board = TensorBoardLogger(**place, default_hp_metric=False)
    images = Images(10)
    draw_pictures([CSVLogger(**place), board], Run(folder, record), images, config)
    board.finalize("success")
    return images, folder


def _tags(folder: Path) -> list[str]:
    return sorted(EventAccumulator(str(folder)).Reload().Tags()["images"])


def test_both_pictures_reach_tensorboard(tmp_path: Path) -> None:
    predictions = _predictions(200, 10)
    images, _ = _draw(tmp_path, DisplayConfig(worst_mistakes=4), predictions)
    assert images.asked == worst(predictions, 4)
    assert _tags(tmp_path) == ["test/confusion_matrix", "test/worst_mistakes"]
    (image,) = EventAccumulator(str(tmp_path)).Reload().Images("test/confusion_matrix")
    assert image.step == 7


def test_what_is_off_or_has_no_mistakes_is_not_drawn(tmp_path: Path) -> None:
    off = DisplayConfig(confusion_matrix=False, worst_mistakes=5)
    _draw(tmp_path, off, _predictions(50, 10, right=1.1))
    assert _tags(tmp_path) == []
