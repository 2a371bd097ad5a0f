"""Figures of the test for TensorBoard: the confusion matrix and the most confident mistakes."""

from collections.abc import Sequence
from typing import Protocol

from pytorch_lightning.loggers import Logger, TensorBoardLogger
from torch import Tensor

from cnncompare.config.output import DisplayConfig
from cnncompare.plotting.tensorboard import image_summary
from cnncompare.runs.run import Run


class TestSet(Protocol):
    """The class names, in the order of the labels, and the images of the test set."""

    class_names: list[str]

    def test_images(self, indices: Sequence[int]) -> Tensor:
        """Return uint8 [n, C, H, W]."""


def log_figures(loggers: Sequence[Logger], run: Run, data: TestSet, config: DisplayConfig) -> None:
    """Draw the figures that `config` enables from the saved predictions, for TensorBoard only."""
    boards = [logger for logger in loggers if isinstance(logger, TensorBoardLogger)]
    for tag, png in _figures(run, data, config).items() if boards else ():
        for board in boards:
            _log(board, tag, png, run.record.best.epoch)


def _figures(run: Run, data: TestSet, config: DisplayConfig) -> dict[str, bytes]:
    # imported here, since Altair takes 0.3 s to import and many runs draw nothing
    from cnncompare.training.loggers.confusion_figure import confusion_png
    from cnncompare.training.loggers.mistakes_figure import mistakes_png, worst_mistakes

    figures, predictions = {}, run.predictions()
    if config.confusion_matrix:
        figures["test/confusion_matrix"] = confusion_png(predictions, data.class_names)
    mistakes = worst_mistakes(predictions, config.worst_mistakes)
    if mistakes:
        images = data.test_images(mistakes)
        figures["test/worst_mistakes"] = mistakes_png(
            predictions, mistakes, images, data.class_names
        )
    return figures


def _log(board: TensorBoardLogger, tag: str, png: bytes, epoch: int | None) -> None:
    # add_image would decode the file and encode it again, at 45 MiB; _get_file_writer opens the
    # event file again, which Lightning closes after the test
    writer = board.experiment._get_file_writer()
    writer.add_summary(image_summary(tag, png), epoch)
