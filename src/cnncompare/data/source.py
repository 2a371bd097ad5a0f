"""Data sources: the images, labels and class names of a data set's splits."""

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, get_worker_info

from cnncompare.config.data import DataConfig
from cnncompare.data.decode import DecodeNote
from cnncompare.data.files import DecodeReport, ImageFiles
from cnncompare.data.shared_memory import check_shared_memory, too_small
from cnncompare.errors import DataError
from cnncompare.system.main_module import main_not_imported

_CHUNK_BYTES = 4 * 2**20  # small, so that reading all images does not raise the peak memory

Images = Tensor | ImageFiles
"""One uint8 tensor [N, C, H, W], or files that are decoded on access."""


@dataclass(frozen=True)
class Split:
    """Training, validation or test images: rows of `images`, which all splits share.

    `labels` and `rows`, int64 [n], hold the label and the row of each image. `keys`, one per row of
    `images`, represent the images in the fingerprint if reading all of them would be slow.
    """

    images: Images
    labels: Tensor
    rows: Tensor
    keys: Sequence[bytes] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def select(self, positions: Tensor) -> "Split":
        """Return the images at these positions of this split, int64 [m], as a split."""
        return replace(self, labels=self.labels[positions], rows=self.rows[positions])

    def names(self) -> list[str]:
        """Return the file name of each image, or its row if the images have no names."""
        if self.keys is None:
            return [str(row) for row in self.rows.tolist()]
        keys = (self.keys[row] for row in self.rows.tolist())
        return [key.split(b"\0")[0].decode(errors="surrogateescape") for key in keys]

    def renumbered(self) -> "Split":
        """Return this split for a copy of `images` that holds only its own rows, in its order."""
        keys = self.keys and [self.keys[row] for row in self.rows.tolist()]
        return replace(self, rows=torch.arange(len(self)), keys=keys)


@dataclass(frozen=True)
class Pool:
    """All images of a data set, from which folds or hold-outs are drawn.

    `rows`, int64 [n], ascending, are those of the images, in their order. `fingerprint` is the
    SHA-256 of all images and labels. `n_train` is the expected number of training images, which
    all folds share although their actual numbers may differ by a few images.
    """

    rows: Tensor
    fingerprint: str
    n_train: int

    def __len__(self) -> int:
        return len(self.rows)

    def positions(self, split: Split) -> Tensor:
        """Return the positions of the split's images among all images, int64 [m]."""
        return torch.searchsorted(self.rows, split.rows)


@dataclass(frozen=True)
class Source:
    """A data set as provided by its source; `shape` is (C, H, W) of every image.

    `train` is None for data sets that are only tested on. If `test` is None, the test split is
    drawn from `train` (see `data.split`). `class_names` are the names to display if they differ
    from `classes`. Each of the `notes` is a line about a property that makes results less
    comparable. `ignored_files` counts the files that are no images of the data set, by suffix.
    `pool` is None unless the test split is a fold or a repeated hold-out.
    """

    classes: list[str]
    shape: tuple[int, int, int]
    train: Split | None
    test: Split | None
    val: Split | None = None
    class_names: list[str] | None = None
    notes: list[str] = field(default_factory=list)
    ignored_files: dict[str, int] = field(default_factory=dict)
    pool: Pool | None = None

    def batch_shape(self, config: DataConfig) -> tuple[int, int, int]:
        """Return (C, H, W) of the batches."""
        channels, height, width = self.shape
        if config.image_size is not None:
            height = width = config.image_size
        return config.channels or channels, height, width

    def count_classes(self, split: Split) -> Tensor:
        """Return the number of images of each class in one of the splits, int64 [classes]."""
        return torch.bincount(split.labels, minlength=len(self.classes))


def full_split(images: Images, labels: Tensor, keys: Sequence[bytes] | None = None) -> Split:
    """Return a split of all `images`, with labels int64 [N]."""
    return Split(images, labels, torch.arange(len(labels)), keys)


def read_images(
    images: Images,
    rows: Iterable[Tensor],
    workers: int,
    report: DecodeReport | None = None,
    pinned: bool = False,
) -> Iterator[Tensor]:
    """Yield the uint8 images [m, C, H, W] for each index tensor, int64 [m], in `rows`.

    Images that are not in memory are decoded ahead by `workers` processes and added to `report`
    before they are yielded. A corrupt image raises CorruptImageError, or becomes zeros if `report`
    allows it. `pinned` puts batches into pinned memory, for asynchronous copies to a CUDA device.
    """
    report = report or DecodeReport(allow_corrupt=False)
    if isinstance(images, Tensor):
        for indices in rows:
            batch = images.index_select(0, indices.to(images.device))  # 5 times as fast as images[]
            yield batch.pin_memory() if pinned and batch.device.type == "cpu" else batch
        return
    yield from _decode_in_workers(
        images, [indices.tolist() for indices in rows], workers, report, pinned
    )


def _decode_in_workers(
    images: ImageFiles,
    batches: list[list[int]],
    workers: int,
    report: DecodeReport,
    pinned: bool,
) -> Iterator[Tensor]:
    """Yield the batches. Raises DataError if a worker dies or the shared memory is too small."""
    largest = max(map(len, batches), default=0)
    check_shared_memory(workers, largest * math.prod(images.options[:3]))
    loader = DataLoader(
        images,
        batch_sampler=batches,
        num_workers=workers,
        collate_fn=_collate,
        pin_memory=pinned,
        generator=torch.Generator(),  # the loader must not draw its seed from the global one
    )
    with main_not_imported():  # Python 3.14 does not fork the workers
        decoded = iter(loader)
    while (pair := _next_batch(decoded, workers)) is not None:
        batch, notes = pair
        report.add(DecodeNote(*note) for note in notes)  # pinning turns named tuples into lists
        yield batch


def _next_batch(decoded: Iterator[Any], workers: int) -> Any:
    """Return the next batch and its notes, or None after the last one."""
    try:
        return next(decoded, None)
    except RuntimeError as error:
        text = str(error)
        if "shared memory" in text:
            raise too_small(workers) from None
        if text.startswith("DataLoader worker"):  # PyTorch's message names the process only
            raise DataError(
                f"a decoding process died, perhaps for lack of memory ({text.splitlines()[0]}): "
                "use fewer data.workers, or data.workers=0"
            ) from None
        raise


def _collate(samples: list[tuple[Tensor, DecodeNote | None]]) -> tuple[Tensor, list[DecodeNote]]:
    """Return a batch, uint8 [m, C, H, W], and the notes on its images."""
    images, notes = zip(*samples, strict=True)
    batch = torch.stack(images)
    if get_worker_info() is not None:
        # here, because an error of the worker's thread that sends batches is lost
        batch.share_memory_()  # type: ignore[no-untyped-call]
    return batch, [note for note in notes if note is not None]


def in_chunks(rows: Tensor, shape: tuple[int, ...]) -> tuple[Tensor, ...]:
    """Split `rows` into chunks whose images, each of `shape`, take about 4 MiB."""
    return rows.tensor_split(max(1, len(rows) * math.prod(shape) // _CHUNK_BYTES))


def fingerprint(
    split: Split,
    shape: tuple[int, int, int],
    classes: Sequence[str],
    hashes: Sequence[bytes] | None = None,
) -> str:
    """Return a SHA-256 in hexadecimal of the images, each of `shape`, their labels and classes.

    `hashes`, one per image of the split, represent the images instead of `shape` and pixels.
    """
    digest = hashlib.sha256("\0".join(classes).encode())
    digest.update(split.labels.numpy().tobytes())
    if hashes is not None:
        digest.update(b"".join(hashes))
        return digest.hexdigest()
    if split.keys is not None:
        for row in split.rows.tolist():
            digest.update(split.keys[row])
        return digest.hexdigest()
    digest.update(repr(shape).encode())
    for images in read_images(split.images, in_chunks(split.rows, shape), workers=0):
        digest.update(images.contiguous().numpy().tobytes())
    return digest.hexdigest()
