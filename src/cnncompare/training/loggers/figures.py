"""Pictures of the test, for every TensorBoard logger: confusion matrix and worst mistakes."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from pytorch_lightning.loggers import Logger, TensorBoardLogger
from torch import Tensor

from cnncompare.config.output import DisplayConfig
from cnncompare.runs.run import Run
from cnncompare.training.loggers.confusion_figure import confusion_figure
from cnncompare.training.loggers.mistakes_figure import mistakes_figure, worst


class TestSet(Protocol):
    """What is asked of the data: class names in the labels' order, and images to look at."""

    class_names: list[str]

    def test_images(self, indices: Sequence[int]) -> Tensor:
        """Return uint8 [n, C, H, W]."""


def draw_pictures(
    loggers: Sequence[Logger], run: Run, data: TestSet, config: DisplayConfig
) -> None:
    """Draw what `config` asks for from the run's saved predictions."""
    boards = [logger for logger in loggers if isinstance(logger, TensorBoardLogger)]
    if not boards:
        return
    predictions = run.predictions()
    if config.confusion_matrix:
        figure = confusion_figure(predictions.label, predictions.top5[:, 0], data.class_names)
        _log(boards, "test/confusion_matrix", figure, run)
    mistakes = worst(predictions, config.worst_mistakes)
    if mistakes:
        images = data.test_images(mistakes)
        figure = mistakes_figure(predictions, mistakes, images, data.class_names)
        _log(boards, "test/worst_mistakes", figure, run)


def _log(boards: Sequence[TensorBoardLogger], tag: str, figure: Figure, run: Run) -> None:
    picture = rendered(figure)
    for board in boards:
        board.experiment.add_image(
            tag, picture, global_step=run.record.best.epoch, dataformats="HWC"
        )


def rendered(figure: Figure) -> NDArray[np.uint8]:
    """Return the figure's pixels, uint8 [H, W, 3]; no window system and no global state."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    return np.array(canvas.buffer_rgba())[..., :3]  # type: ignore[no-untyped-call]
