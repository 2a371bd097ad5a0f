"""What a source hands over: images, labels and class names of its splits."""

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from cnncompare.data.decode import Remark
from cnncompare.data.files import Findings, ImageFiles

_CHUNK_BYTES = 4 * 2**20  # small, so that reading all does not set the peak of memory

Images = Tensor | ImageFiles
"""Either one uint8 tensor [N, C, H, W], or files that are decoded when asked."""


@dataclass(frozen=True)
class Split:
    """Training, validation or test images: rows of `images`, so that splits can share one tensor.

    `labels` int64 [n]; `rows` int64 [n], where in `images` each one is; `keys`, one per row of
    `images`, stand for the images in the fingerprint where reading them all would be slow.
    """

    images: Images
    labels: Tensor
    rows: Tensor
    keys: Sequence[bytes] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def select(self, positions: Tensor) -> "Split":
        """Return the split that consists of these positions, int64 [m], of this one."""
        return replace(self, labels=self.labels[positions], rows=self.rows[positions])

    def renumbered(self) -> "Split":
        """Return the split for images that are its rows alone, in its order."""
        keys = self.keys and [self.keys[row] for row in self.rows.tolist()]
        return replace(self, rows=torch.arange(len(self)), keys=keys)


@dataclass(frozen=True)
class Source:
    """A data set as its source has it; `shape` is (C, H, W) of every image.

    `train` is null where there is nothing to train on. `class_names` are for people, where the
    classes have other names; `notes` say, a line each, what makes a number less comparable.
    """

    classes: list[str]
    shape: tuple[int, int, int]
    train: Split | None
    test: Split
    val: Split | None = None
    class_names: list[str] | None = None
    notes: list[str] = field(default_factory=list)


def full_split(images: Images, labels: Tensor, keys: Sequence[bytes] | None = None) -> Split:
    """Return the split that consists of all `images`, with their labels int64 [N]."""
    return Split(images, labels, torch.arange(len(labels)), keys)


def read_images(
    images: Images,
    rows: Iterable[Tensor],
    workers: int,
    findings: Findings | None = None,
    pinned: bool = False,
) -> Iterator[Tensor]:
    """Yield the uint8 images [m, C, H, W] of each int64 [m] in `rows`.

    Images that are not in memory are decoded ahead by `workers` processes; what was seen of them
    is in `findings` when they are handed out. Raises CorruptImageError for one that cannot be
    decoded, unless `findings` forgive it: then it is zeros. `pinned` is for a copy to a CUDA device
    beside its work.
    """
    findings = findings or Findings(forgive=False)
    if isinstance(images, Tensor):
        for some in rows:
            chosen = images.index_select(0, some.to(images.device))  # 5 times as fast as images[]
            yield chosen.pin_memory() if pinned and chosen.device.type == "cpu" else chosen
        return
    loader = DataLoader(
        images,
        batch_sampler=[some.tolist() for some in rows],
        num_workers=workers,
        collate_fn=_together,
        pin_memory=pinned,
        generator=torch.Generator(),  # the loader draws a seed: not from the global generator
    )
    for some, remarks in loader:
        findings.add(Remark(*remark) for remark in remarks)  # pinning makes lists of them
        yield some


def _together(decoded: list[tuple[Tensor, Remark | None]]) -> tuple[Tensor, list[Remark]]:
    """Return a batch, uint8 [m, C, H, W], and what is to be said of its images."""
    images, remarks = zip(*decoded, strict=True)
    return torch.stack(images), [remark for remark in remarks if remark is not None]


def in_chunks(rows: Tensor, shape: tuple[int, ...]) -> tuple[Tensor, ...]:
    """Cut `rows` into chunks whose images of `shape` take about 4 MiB, to be read one by one."""
    return rows.tensor_split(max(1, len(rows) * math.prod(shape) // _CHUNK_BYTES))


def fingerprint(split: Split, shape: tuple[int, int, int], classes: Sequence[str]) -> str:
    """Return a SHA-256, 64 hexadecimal digits, of images of `shape` in order, labels and names."""
    digest = hashlib.sha256("\0".join(classes).encode())
    digest.update(split.labels.numpy().tobytes())
    if split.keys is not None:
        for row in split.rows.tolist():
            digest.update(split.keys[row])
        return digest.hexdigest()
    digest.update(repr(shape).encode())
    for images in read_images(split.images, in_chunks(split.rows, shape), workers=0):
        digest.update(images.contiguous().numpy().tobytes())
    return digest.hexdigest()
