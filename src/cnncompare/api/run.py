"""The run of the public interface: a run on disk with its network and predictions."""

import os
from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cnncompare.inference.find_images import find_images
from cnncompare.runs import run as stored

if TYPE_CHECKING:
    from torch import nn

    from cnncompare.inference.predictor import Predictor


class Run(stored.Run):
    """A run folder: its record, per-image predictions, and its network for new images.

    `folder` is its path and `record` the content of run.json, such as ``run.record.test.acc1``.
    `epochs()` returns the rows of epochs.csv, and `predictions()` the arrays of predictions.npz:
    `label`, `top5` and `confidence` of each test image. `classes` are the class names in label
    order. Nothing in the folder is executed; weights are loaded as tensors alone.
    """

    def __repr__(self) -> str:
        return f"<Run {self.record.id}, {self.record.status}>"

    def model(self) -> "nn.Module":
        """Return the network in eval mode on the CPU, with the weights of the best epoch.

        It takes float32 images [N, C, H, W] of ``record.model.input_size``, and returns logits
        [N, classes]. Normalisation is not inside: from pixels in [0, 1], subtract ``mean`` and
        divide by ``std`` of ``record.settings``, one value per channel. `predict` does all that.
        Raises DataError unless the run is finished.
        """
        from cnncompare.inference.network import load_network
        from cnncompare.inference.saved_settings import saved_settings

        return load_network(self, saved_settings(self))

    def predict(
        self,
        paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
        *,
        top: int = 3,
    ) -> list[dict[str, Any]]:
        """Return the classes of image files, as ``predict --json`` prints them.

        `paths` are files, folders or globs. Each image has ``{"image", "run", "model", "top":
        [{"class", "confidence"}]}`` with its `top` best classes, or ``error`` in place of ``top``
        if it cannot be read. Images are preprocessed as the run's test images. Raises DataError if
        a path names no image, and unless the run is finished.
        """
        if top < 1:
            raise ValueError(f"top={top}: give 1 or more")
        listed = [paths] if isinstance(paths, str | os.PathLike) else paths
        files = find_images(listed)
        return [answer.as_dict() for answer in self._predictor.predict(files, top)]

    @cached_property
    def _predictor(self) -> "Predictor":
        from cnncompare.inference.predictor import Predictor

        return Predictor(self)
