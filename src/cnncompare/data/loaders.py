"""Batches cut from one uint8 tensor on the device, independent of the number of devices."""

import time
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from cnncompare.config.data import AugmentConfig
from cnncompare.data import augment
from cnncompare.data.augment import derive_seed
from cnncompare.data.class_balance import draw_balanced
from cnncompare.data.files import DecodeReport
from cnncompare.data.normalize import normalize_pixels, pixel_moments
from cnncompare.data.source import Images, Split, read_images
from cnncompare.errors import DataError

_ORDER, _POLICY, _ERASE, _MIX, _OWN = range(5)  # purposes of draws, so that no two share a seed


@dataclass(frozen=True)
class RankInfo:
    """The state of the process that loads batches: epoch, rank, world_size size and device."""

    epoch: int
    rank: int
    world_size: int
    device: torch.device


@dataclass(frozen=True)
class BatchOptions:
    """Settings of all batches: image `shape` (C, H, W), mean and sd for pixels in [0, 1]."""

    shape: tuple[int, int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    n_classes: int
    batch_size: int  # of all processes together, of an optimizer step
    seed: int
    workers: int
    augmentations: Sequence[augment.Augmentation] = ()  # of users' modules
    balance: bool = False  # training images are drawn so that every class is equally frequent
    accumulate: int = 1  # batches that a process loads for an optimizer step
    repeat_order: bool = False  # the training images of the first epoch in every epoch


class Batches:
    """An iterable over the batches of one epoch of a split, for the rank and device of `info`.

    Training yields (images float32 [b, C, H, W], targets), where targets are int64 [b], or float32
    [b, classes] if images are mixed. Evaluation (`augment=None`) yields (images, labels int64 [b],
    positions int64 [b]) and each image of the split exactly once over all processes. The label of
    an image that `report` lists as corrupt is -1. Batches whose positions are all in `done` are
    not decoded and not yielded. `wait_s` is the time in seconds spent on batches since the current
    iteration began.
    """

    def __init__(
        self,
        split: Split,
        options: BatchOptions,
        augment: AugmentConfig | None,
        info: RankInfo,
        resident: Callable[[Images, torch.device], Images],
        report: DecodeReport | None = None,
        done: Set[int] = frozenset(),
    ) -> None:
        self.split = split
        self.report = report or DecodeReport(allow_corrupt=False)
        self.done = done
        self.options = options
        self.augment = augment
        self.wait_s = 0.0
        self._info = info
        self._resident = resident
        self._moments_on: dict[torch.device, tuple[Tensor, ...]] = {}

    def __len__(self) -> int:
        """Return the number of batches of each process."""
        if self.augment is None:
            return len(self._evaluation_chunks(self._info.rank, self._info.world_size))
        return max(1, len(self.split) // self.options.batch_size) * self.options.accumulate

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        self.wait_s = 0.0
        info = self._info
        batches = self._evaluation(info) if self.augment is None else self._training(info)
        while True:
            started = time.perf_counter()
            batch = next(batches, None)
            self.wait_s += time.perf_counter() - started
            if batch is None:
                return
            yield batch

    def _evaluation(self, info: RankInfo) -> Iterator[tuple[Tensor, ...]]:
        chunks = self._evaluation_chunks(info.rank, info.world_size)
        for images, positions in zip(self._read(chunks, info), chunks, strict=True):
            labels = self._labels(positions)
            images = self._normalize(augment.adapt(images, self.options.shape))
            yield images, labels.to(info.device), positions.to(info.device)

    def _evaluation_chunks(self, rank: int, world_size: int) -> list[Tensor]:
        """Divide the split into non-empty chunks of similar size, equally many per process.

        In validation during training, processes wait for each other in every forward pass.
        Batches are formed independently of `done`, so that the results do not depend on it.
        """
        n = len(self.split)
        _check_enough_images(n, world_size)
        batch_size = self.options.batch_size // self.options.accumulate  # what fits into memory
        chunks = evaluation_chunks(n, batch_size, world_size)[rank::world_size]
        if not self.done:
            return list(chunks)
        remaining = [chunk for chunk in chunks if not set(chunk.tolist()) <= self.done]
        return remaining or list(chunks[-1:])  # without a batch, Lightning skips the end of a test

    def _labels(self, positions: Tensor) -> Tensor:
        labels, rows = self.split.labels[positions], self.split.rows[positions].tolist()
        for index, row in enumerate(rows):
            if row in self.report.corrupt:
                labels[index] = -1
        return labels

    def _training(self, info: RankInfo) -> Iterator[tuple[Tensor, ...]]:
        """Yield training batches; draws and labels are copied to the device before the first."""
        assert self.augment is not None
        draws = self._draws(info)
        positions = [draws.order[indices] for indices in draws.own]
        labels, dy, dx, flips = (
            torch.stack(per_step).to(info.device).unbind()
            for per_step in (
                [self.split.labels[indices] for indices in positions],
                *([draw[own] for own in draws.own] for draw in (draws.dy, draws.dx, draws.flip)),
            )
        )
        for index, images in enumerate(self._read(positions, info)):
            images = augment.adapt(images, self.options.shape)
            if self.augment.crop_padding:
                images = augment.crop(images, dy[index], dx[index], self.augment.crop_padding)
            if self.augment.flip:
                images = augment.flip(images, flips[index])
            step = index // self.options.accumulate
            yield self._apply_library_transforms(
                images, labels[index], draws.own[index], step, info.epoch
            )

    def _apply_library_transforms(
        self, images: Tensor, labels: Tensor, own: Tensor, step: int, epoch: int
    ) -> tuple[Tensor, Tensor]:
        """Normalise, and apply random transforms, seeded by index and step."""
        assert self.augment is not None
        if self.augment.policy:
            seeds = self._seeds(epoch, _POLICY, own)
            images = augment.apply_policy(self.augment.policy, images, seeds)
        for number, own_augmentation in enumerate(self.options.augmentations, start=_OWN):
            seeds = self._seeds(epoch, number, own)
            images = augment.apply_own(own_augmentation, images, seeds)
        images = self._normalize(images)
        if self.augment.erase:
            images = augment.erase(self.augment.erase, images, self._seeds(epoch, _ERASE, own))
        if not self.augment.mix:
            return images, labels
        seed = derive_seed(self.options.seed, epoch, _MIX, step)
        images, targets = augment.mix(
            self.augment.mix, self.augment.mix_alpha, images, labels, self.options.n_classes, seed
        )
        return images[1:], targets[1:]  # the first image was read only to be mixed into the second

    def _draws(self, info: RankInfo) -> "_Draws":
        """Draw the whole epoch for all processes; the draws depend only on seed and epoch."""
        assert self.augment is not None
        n = len(self.split)
        _check_enough_images(n, info.world_size)
        epoch = 0 if self.options.repeat_order else info.epoch
        seed = derive_seed(self.options.seed, epoch, _ORDER)
        generator = torch.Generator().manual_seed(seed)
        offsets = torch.randint(0, 2 * self.augment.crop_padding + 1, (2, n), generator=generator)
        return _Draws(
            order=self._order(generator),
            dy=offsets[0],
            dx=offsets[1],
            flip=torch.rand(n, generator=generator) < 0.5,
            own=self._own_indices(info),
        )

    def _own_indices(self, info: RankInfo) -> list[Tensor]:
        """Return the indices in the epoch of each batch of this process.

        The images of an optimizer step do not depend on the number of processes and of batches.
        """
        assert self.augment is not None
        batch_size = self.options.batch_size
        share = batch_size // (info.world_size * self.options.accumulate)
        own = []
        for step, part in product(
            range(len(self.split) // batch_size), range(self.options.accumulate)
        ):
            start = (part * info.world_size + info.rank) * share
            indices = torch.arange(start, start + share)
            if self.augment.mix:  # add the predecessor of the first image within the global batch
                indices = torch.cat([(indices[:1] - 1) % batch_size, indices])
            own.append(indices + step * batch_size)
        return own

    def _order(self, generator: torch.Generator) -> Tensor:
        """Return the positions in the split of the images of an epoch, int64 [N]."""
        if self.options.balance:
            return draw_balanced(self.split.labels, generator)
        return torch.randperm(len(self.split), generator=generator)

    def _read(self, positions: list[Tensor], info: RankInfo) -> Iterator[Tensor]:
        images = self._resident(self.split.images, info.device)
        rows = [self.split.rows[indices] for indices in positions]
        if isinstance(images, Tensor) and rows:
            sizes = [len(indices) for indices in rows]
            rows = list(torch.split_with_sizes(torch.cat(rows).to(images.device), sizes))
        workers = -(-self.options.workers // info.world_size)  # all processes share the machine
        pinned = info.device.type == "cuda"
        for batch in read_images(images, rows, workers, self.report, pinned):
            yield batch.to(info.device, non_blocking=True)

    def _normalize(self, images: Tensor) -> Tensor:
        return normalize_pixels(images, *self._moments(images.device))

    def _moments(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return mean and sd for pixels in [0, 255], [C, 1, 1], copied to the device once."""
        if device not in self._moments_on:
            self._moments_on[device] = pixel_moments(self.options.mean, self.options.std, device)
        mean, sd = self._moments_on[device]
        return mean, sd

    def _seeds(self, epoch: int, purpose: int, own: Tensor) -> list[int]:
        return [derive_seed(self.options.seed, epoch, purpose, index) for index in own.tolist()]


@dataclass(frozen=True)
class _Draws:
    """The draws of an epoch, [N] by index in the epoch; `own`: this process's indices per batch."""

    order: Tensor
    dy: Tensor
    dx: Tensor
    flip: Tensor
    own: list[Tensor]


def evaluation_chunks(n: int, batch_size: int, world_size: int) -> tuple[Tensor, ...]:
    """Return the positions of each batch of n >= `world_size` images, equally many per process."""
    rounds = min(-(-n // batch_size), n // world_size)
    return torch.arange(n).tensor_split(rounds * world_size)


def _check_enough_images(n: int, world_size: int) -> None:
    if n < world_size:
        raise DataError(f"{n} images cannot be divided over {world_size} devices; use more images")
