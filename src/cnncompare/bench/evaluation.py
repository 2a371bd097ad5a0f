"""Throughput of a test of given weights: a plain torchvision loop, ours, ours with the cache."""

import logging
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytorch_lightning as pl
import torch
from PIL import Image
from rich.box import SIMPLE_HEAD
from rich.table import Table
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2
from torchvision.transforms.functional import InterpolationMode

from cnncompare.bench.results import add_row
from cnncompare.bench.rounds import Row, alternate, compare
from cnncompare.config.schema import Config
from cnncompare.data.module import ImageData
from cnncompare.models.pretrained.transforms import Transform
from cnncompare.system.device_sync import synchronize
from cnncompare.terminal.console import make_console
from cnncompare.training.callbacks.prediction_writer import PredictionWriter
from cnncompare.training.train import (
    build_data,
    build_model,
    build_task,
    find_pretrained_reference,
    set_up_torch,
)
from cnncompare.training.trainer import build_trainer

ROUNDS = 3
WORKERS = 2  # of the plain loop
DECODED_GIB = 1024.0  # a limit that no set comes to: the bench was asked for


class UsualFiles(Dataset[tuple[Tensor, int]]):
    """The test's image files as people read them: PIL, then torchvision's transforms."""

    def __init__(self, files: list[str], labels: Tensor, transform: Transform) -> None:
        self.files = files
        self.labels = labels.tolist()
        self.prepared = v2.Compose(
            [
                v2.Resize(transform.resize, InterpolationMode(transform.interpolation)),
                v2.CenterCrop(transform.crop),
                v2.PILToTensor(),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize(list(transform.mean), list(transform.std)),
            ]
        )

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        with Image.open(self.files[index]) as image:
            return self.prepared(image.convert("RGB")), self.labels[index]


def measure_evaluation(config: Config, rounds: int = ROUNDS) -> None:
    """Print images/s of a valid configuration that tests on ImageNet, on one device."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    with TemporaryDirectory(prefix="cnncompare-") as folder:
        rows, decoding_s = evaluation_rows(config, Path(folder), rounds)
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for header in ("images/s", "ours", "other", "ratio", "low-high", "n"):
        table.add_column(header, justify="left" if header == "images/s" else "right")
    for row in rows:
        add_row(table, row)
    make_console().print(table)
    print(
        f"other: torchvision's transforms on PIL images, DataLoader with {WORKERS} workers; in the "
        "last row the network on one batch, as often as the images need"
    )
    print(f"the cache was filled once, in {decoding_s:.1f} s, for all networks of this crop")


def evaluation_rows(config: Config, folder: Path, rounds: int) -> tuple[list[Row], float]:
    """Return images/s of each way, the same images in turns, and the seconds to fill the cache."""
    set_up_torch(config)
    limits = {"decoded anew": 0.0, "from the cache": DECODED_GIB}
    started = time.perf_counter()
    ours = {name: _Ours(config, folder, limit) for name, limit in limits.items()}
    decoding_s = time.perf_counter() - started
    data = ours["decoded anew"].data
    network = build_model(config, data).network.eval().to(data.rank_info().device)
    plain = _Plain(network, data, config.data.batch_size)
    variants = {"plain": plain.seconds, "model": plain.seconds_of_the_model_alone} | {
        name: way.seconds for name, way in ours.items()
    }
    for warm_up in variants.values():
        warm_up()
    laps = alternate(variants, rounds=rounds)
    rates = {
        name: [None if second is None else data.n_test / second for second in seconds]
        for name, seconds in laps.series.items()
    }
    return [
        compare("test, images decoded anew", rates["decoded anew"], rates["plain"], None),
        compare("test, images from the cache", rates["from the cache"], rates["plain"], None),
        compare("the same, beside the model alone", rates["from the cache"], rates["model"], None),
    ], decoding_s


class _Ours:
    """Our test as a run makes it: Lightning, counting, predictions saved."""

    def __init__(self, config: Config, folder: Path, cache_limit_gib: float) -> None:
        changed = {"cache_limit_gib": cache_limit_gib, "cache_dir": str(folder / "cache")}
        config = config.model_copy(update={"data": config.data.model_copy(update=changed)})
        self.data = build_data(config, find_pretrained_reference(config))
        self.data.prepare()
        self._folder = folder
        self._config = config
        self._task = build_task(config, build_model(config, self.data))

    def seconds(self) -> float:
        callbacks: list[pl.Callback] = [PredictionWriter(self._folder)]
        quiet = self._config.model_copy(update={"logger": type(self._config.logger)()})
        trainer = build_trainer(self._folder, quiet, callbacks)
        started = time.perf_counter()
        trainer.test(self._task, datamodule=self.data, verbose=False)
        return time.perf_counter() - started


class _Plain:
    """The loop that people write."""

    def __init__(self, network: nn.Module, data: ImageData, batch_size: int) -> None:
        assert data.transform is not None
        self._network = network
        self._device = data.rank_info().device
        self._n, self._size = data.n_test, batch_size
        self._files = UsualFiles(data.test_image_paths(), data.test_labels, data.transform)

    def seconds(self) -> float:
        started = time.perf_counter()
        loader: Any = DataLoader(self._files, self._size, num_workers=WORKERS)
        correct = 0
        with torch.inference_mode():
            for images, labels in loader:
                answers = self._network(images.to(self._device)).argmax(dim=1)
                correct += (answers == labels.to(self._device)).sum().item()
        return time.perf_counter() - started

    def seconds_of_the_model_alone(self) -> float:
        """Return the seconds of as many images, by a batch that is there already."""
        size = min(self._size, self._n)
        edge = self._files[0][0].shape[-1]
        images = torch.rand(size, 3, edge, edge, device=self._device)
        synchronize(self._device)
        started = time.perf_counter()
        with torch.inference_mode():
            for first in range(0, self._n, size):
                self._network(images[: self._n - first])
        synchronize(self._device)
        return time.perf_counter() - started
