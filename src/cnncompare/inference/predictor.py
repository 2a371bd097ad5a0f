"""Predictions of a finished run for image files."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property

import torch
from torch import Tensor

from cnncompare.data.loaders import evaluation_chunks
from cnncompare.data.normalize import normalize_pixels, pixel_moments
from cnncompare.errors import DataError, ModelError
from cnncompare.inference.answers import Answer
from cnncompare.inference.map_layer import MapLayer, find_map_layer
from cnncompare.inference.network import load_network
from cnncompare.inference.preprocess import Preprocessing
from cnncompare.inference.saved_settings import SavedSettings, saved_settings
from cnncompare.models.best_classes import TOP, mask_classes, top5
from cnncompare.runs.record import EvaluationSection
from cnncompare.runs.run import Run
from cnncompare.system.cores import available_cores

MOST_ON_CPU = 32  # images in a batch, if the run used another device
NoteMap = Callable[[str, Tensor, Tensor], object]
_AUTOCAST = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}


class Predictor:
    """Classifies image files with a run's network, preprocessing and precision.

    It uses the run's type of device if there is one here, else the CPU. Batches have the size and
    the composition of the run's test: on the same device its test images, in their order, get the
    same confidences to the last bit.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.settings = saved_settings(run)
        self.device = _device(self.settings.protocol.accelerator)
        self.read = Preprocessing(self.settings)
        self._classes = masked_classes(run)
        self._network = load_network(run, self.settings).to(self.device)
        if self.settings.protocol.precision == "bf16-true":
            self._network.to(torch.bfloat16)
        if self.settings.protocol.channels_last:
            self._network.to(memory_format=torch.channels_last)

    def predict(
        self,
        files: Sequence[str],
        top: int,
        advance: Callable[[int], object] = lambda n: None,
        note_map: NoteMap | None = None,
    ) -> Iterator[Answer]:
        """Yield an answer with the `top` best classes, or all, for each file, in their order.

        `advance` is called with the number of images that were answered; `note_map`, for each
        image, with its file, its pixels uint8 [C, H, W] and the map [H, W] of its best class.
        """
        with ThreadPoolExecutor(available_cores()) as pool:
            for chunk in self._chunks(len(files)):
                names = [files[position] for position in chunk.tolist()]
                read = list(pool.map(self._try_read, names))
                yield from self._answer(names, read, top, note_map)
                advance(len(names))

    def classify(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the best class, int64 [N], and its confidence, float32 [N].

        `images`, uint8 [N, C, H, W], have the size and channels of the network's input.
        """
        found = [self._classify(images[chunk], 1) for chunk in self._chunks(len(images))]
        classes, confidences = (torch.cat(column)[:, 0] for column in zip(*found, strict=True))
        return classes, confidences

    def _chunks(self, n: int) -> tuple[Tensor, ...]:
        protocol = self.settings.protocol
        if self.device.type != protocol.accelerator:
            return evaluation_chunks(n, min(MOST_ON_CPU, protocol.batch_size), 1)
        return evaluation_chunks(n, protocol.batch_size, min(n, protocol.devices))

    def _try_read(self, file: str) -> Tensor | str:
        """Return the pixels, or the reason why there are none."""
        try:
            return self.read(file)
        except DataError as error:
            return str(error)

    def _answer(
        self, names: list[str], read: list[Tensor | str], top: int, note_map: NoteMap | None
    ) -> Iterator[Answer]:
        blank = torch.zeros(self.read.shape, dtype=torch.uint8)  # as in the run's test
        images = torch.stack([blank if isinstance(pixels, str) else pixels for pixels in read])
        classes, confidences = self._classify(images, top)
        if note_map is not None:
            maps = self.class_maps(images, classes[:, 0])
            for name, pixels, heat in zip(names, read, maps, strict=True):
                if not isinstance(pixels, str):
                    note_map(name, pixels, heat)
        run, labels = self.run.record, self.settings.classes
        for name, pixels, best, scores in zip(names, read, classes, confidences, strict=True):
            if isinstance(pixels, str):
                yield Answer(name, run.id, run.label, (), pixels)
                continue
            pairs = zip(best.tolist(), scores.tolist(), strict=True)
            yield Answer(name, run.id, run.label, tuple((labels[i], score) for i, score in pairs))

    def _classify(self, images: Tensor, top: int) -> tuple[Tensor, Tensor]:
        """Return the best classes, int64 [B, top], and their confidences, float32 [B, top]."""
        with _as_trained(self.settings, self.device):
            scores = self._network(self._input(images))
            logits = mask_classes(scores.float(), self._classes)
            best = top5(logits) if top <= TOP else logits.topk(min(top, logits.shape[1])).indices
            best = best[:, :top]
            return best.cpu(), logits.softmax(dim=1).gather(1, best).cpu()

    def _input(self, images: Tensor) -> Tensor:
        """Return the normalised batch of images, uint8 [B, C, H, W]."""
        protocol = self.settings.protocol
        moments = pixel_moments(protocol.mean, protocol.std, self.device)
        batch = normalize_pixels(images.to(self.device), *moments)
        if protocol.precision == "bf16-true":
            batch = batch.to(torch.bfloat16)
        if protocol.channels_last:
            batch = batch.contiguous(memory_format=torch.channels_last)
        return batch

    @cached_property
    def map_layer(self) -> MapLayer:
        """The layer of the class activation maps; raises ModelError if there is none."""
        blank = torch.zeros((1, *self.read.shape), dtype=torch.uint8)
        with _as_trained(self.settings, self.device, gradients=True):
            layer = find_map_layer(self._network, self._input(blank))
        if layer is None:
            raise ModelError(
                f"{self.run.record.label} has no class activation map: no layer that feeds its "
                "classifier has more than one position; leave out --cam"
            )
        self._network.requires_grad_(False)  # the gradients of the weights are not needed
        return layer

    def class_maps(self, images: Tensor, classes: Tensor) -> Tensor:
        """Return the map of each image, uint8 [B, C, H, W], for its class in `classes`, int64 [B].

        The maps are float32 [B, H, W] in [0, 1]. Needs the extra `cam`.
        """
        from cnncompare.inference.class_maps import class_maps

        name = self.map_layer.name
        with _as_trained(self.settings, self.device, gradients=True):
            return class_maps(self._network, name, self._input(images), classes).cpu()


def _device(accelerator: str) -> torch.device:
    if accelerator == "cuda" and torch.cuda.is_available():
        return torch.device("cuda")
    if accelerator == "mps" and torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def masked_classes(run: Run) -> list[int] | None:
    """Return the classes to which the run restricted its predictions, None for all."""
    section = run.record.evaluation
    if not isinstance(section, EvaluationSection) or not section.mask_classes:
        return None
    return sorted(set(run.predictions().label.tolist()))


@contextmanager
def _as_trained(
    settings: SavedSettings, device: torch.device, *, gradients: bool = False
) -> Iterator[None]:
    """Compute in the precision of the run; float16 needs a GPU, elsewhere it is float32."""
    dtype = _AUTOCAST.get(settings.protocol.precision)
    mixed = dtype is not None and (dtype is torch.bfloat16 or device.type == "cuda")
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(settings.protocol.matmul_precision)
    try:
        with (
            torch.inference_mode(not gradients),
            torch.autocast(device.type, dtype=dtype, enabled=mixed),
        ):
            yield
    finally:
        torch.set_float32_matmul_precision(before)
