"""Throughput of a test of pretrained weights, compared with a plain torchvision loop."""

import logging
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2
from torchvision.transforms.functional import InterpolationMode

from cnncompare.bench.results import throughput_table
from cnncompare.bench.rounds import BenchRow, alternate, ratio_row
from cnncompare.config.schema import Config
from cnncompare.data.module import ImageData
from cnncompare.models.pretrained.transforms import Transform
from cnncompare.system.device_sync import synchronize
from cnncompare.terminal.console import make_console
from cnncompare.training.build import (
    build_data,
    build_model,
    build_task,
    find_pretrained_reference,
    set_up_torch,
)
from cnncompare.training.callbacks.build import build_callbacks
from cnncompare.training.trainer import build_trainer

ROUNDS = 3
WORKERS = 2  # of the plain loop
CACHE_LIMIT_GIB = 1024.0  # larger than any data set


class PlainFiles(Dataset[tuple[Tensor, int]]):
    """The image files of a test, read with PIL and torchvision's transforms."""

    def __init__(self, files: list[str], labels: Tensor, transform: Transform) -> None:
        self.files = files
        self.labels = labels.tolist()
        self.transform = v2.Compose(
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
            return self.transform(image.convert("RGB")), self.labels[index]


def measure_evaluation(config: Config, rounds: int = ROUNDS) -> None:
    """Measure and print images/s of a valid configuration that tests on ImageNet."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    with TemporaryDirectory(prefix="cnncompare-") as folder:
        rows, decoding_s = evaluation_rows(config, Path(folder), rounds)
    console = make_console()
    console.print(throughput_table(rows, "other", console))
    print(
        f"other: torchvision's transforms on PIL images and a DataLoader with {WORKERS} workers; "
        "in the last row the network alone, on one repeated batch"
    )
    print(f"filling the cache for all networks with this crop took {decoding_s:.1f} s")


def evaluation_rows(config: Config, folder: Path, rounds: int) -> tuple[list[BenchRow], float]:
    """Return images/s of all variants on the same images, and the seconds to fill the cache."""
    set_up_torch(config)
    started = time.perf_counter()
    decoding = OurTest(config, folder, cache_limit_gib=0.0)
    cached = OurTest(config, folder, cache_limit_gib=CACHE_LIMIT_GIB)
    decoding_s = time.perf_counter() - started
    data = decoding.data
    network = build_model(config, data).network.eval().to(data.rank_info().device)
    plain = PlainTest(network, data, data.batch_size)
    variants = {
        "plain": plain.seconds,
        "network": plain.network_seconds,
        "decoding": decoding.seconds,
        "cached": cached.seconds,
    }
    for warm_up in variants.values():
        warm_up()
    results = alternate(variants, rounds=rounds)
    rates = {
        name: [None if second is None else data.n_test / second for second in seconds]
        for name, seconds in results.series.items()
    }
    return [
        ratio_row("test with decoding", rates["decoding"], rates["plain"], None),
        ratio_row("test from the cache", rates["cached"], rates["plain"], None),
        ratio_row("test from the cache, network alone", rates["cached"], rates["network"], None),
    ], decoding_s


class OurTest:
    """The test as in a run: with Lightning, metrics and saved predictions."""

    def __init__(self, config: Config, folder: Path, cache_limit_gib: float) -> None:
        changed = {"cache_limit_gib": cache_limit_gib, "cache_dir": str(folder / "cache")}
        config = config.model_copy(update={"data": config.data.model_copy(update=changed)})
        self.data = build_data(config, find_pretrained_reference(config))
        self.data.prepare()
        self._folder = folder
        self._config = config
        self._task = build_task(config, build_model(config, self.data), self.data)

    def seconds(self) -> float:
        """Return the seconds of one pass over the test images."""
        without_loggers = type(self._config.logger)()
        config = self._config.model_copy(update={"logger": without_loggers})
        callbacks = build_callbacks(config, 0, folder=self._folder)
        trainer = build_trainer(self._folder, config, callbacks)
        started = time.perf_counter()
        trainer.test(self._task, datamodule=self.data, verbose=False)
        return time.perf_counter() - started


class PlainTest:
    """The test as a plain PyTorch loop."""

    def __init__(self, network: nn.Module, data: ImageData, batch_size: int) -> None:
        assert data.transform is not None
        self._network = network
        self._device = data.rank_info().device
        self._n, self._size = data.n_test, batch_size
        self._files = PlainFiles(data.test_image_paths(), data.test_labels, data.transform)

    def seconds(self) -> float:
        """Return the seconds of one pass over the test images."""
        started = time.perf_counter()
        loader: Any = DataLoader(self._files, self._size, num_workers=WORKERS)
        correct = 0
        with torch.inference_mode():
            for images, labels in loader:
                predictions = self._network(images.to(self._device)).argmax(dim=1)
                correct += (predictions == labels.to(self._device)).sum().item()
        return time.perf_counter() - started

    def network_seconds(self) -> float:
        """Return the seconds of the network for as many images, with one batch repeated."""
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
