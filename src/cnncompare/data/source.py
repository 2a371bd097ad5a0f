"""What a source hands over: images, labels and class names of its parts."""

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from cnncompare.errors import DataError

_CHUNK_BYTES = 4 * 2**20  # small, so that reading all does not set the peak of memory

Images = Tensor | Dataset[Tensor]
"""Either one uint8 tensor [N, C, H, W], or a data set that decodes uint8 [C, H, W] when asked."""


@dataclass(frozen=True)
class Part:
    """Training, validation or test images: rows of `images`, so that parts can share one tensor.

    `labels` int64 [n]; `rows` int64 [n], where in `images` each one is; `keys`, one per row of
    `images`, stand for the images in the fingerprint where reading them all would be slow.
    """

    images: Images
    labels: Tensor
    rows: Tensor
    keys: Sequence[bytes] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def select(self, positions: Tensor) -> "Part":
        """Return the part that consists of these positions, int64 [m], of this one."""
        return replace(self, labels=self.labels[positions], rows=self.rows[positions])


@dataclass(frozen=True)
class Source:
    """A data set as its source has it; `shape` is (C, H, W) of every image."""

    classes: list[str]
    shape: tuple[int, int, int]
    train: Part
    test: Part
    val: Part | None = None


def whole(images: Images, labels: Tensor, keys: Sequence[bytes] | None = None) -> Part:
    """Return the part that consists of all `images`, with their labels int64 [N]."""
    return Part(images, labels, torch.arange(len(labels)), keys)


def read(images: Images, rows: Iterable[Tensor], workers: int) -> Iterator[Tensor]:
    """Yield the uint8 images [m, C, H, W] of each int64 [m] in `rows`.

    Images that are not in memory are decoded ahead by `workers` processes. Raises DataError when
    one cannot be decoded.
    """
    if isinstance(images, Tensor):
        for some in rows:
            yield images[some.to(images.device)]
        return
    loader = DataLoader(
        images,
        batch_sampler=[some.tolist() for some in rows],
        num_workers=workers,
        collate_fn=torch.stack,
        generator=torch.Generator(),  # the loader draws a seed: not from the global generator
    )
    try:
        yield from loader
    except DataError as error:  # a worker's error arrives with its traceback in the message
        raise DataError(str(error).strip().splitlines()[-1].split("DataError: ")[-1]) from None


def in_chunks(rows: Tensor, shape: tuple[int, ...]) -> tuple[Tensor, ...]:
    """Cut `rows` into chunks whose images of `shape` take about 4 MiB, to be read one by one."""
    return rows.tensor_split(max(1, len(rows) * math.prod(shape) // _CHUNK_BYTES))


def fingerprint(part: Part, shape: tuple[int, int, int], classes: Sequence[str]) -> str:
    """Return a SHA-256, 64 hexadecimal digits, of images of `shape` in order, labels and names."""
    digest = hashlib.sha256("\0".join(classes).encode())
    digest.update(part.labels.numpy().tobytes())
    if part.keys is not None:
        for row in part.rows.tolist():
            digest.update(part.keys[row])
        return digest.hexdigest()
    digest.update(repr(shape).encode())
    for images in read(part.images, in_chunks(part.rows, shape), workers=0):
        digest.update(images.contiguous().numpy().tobytes())
    return digest.hexdigest()
