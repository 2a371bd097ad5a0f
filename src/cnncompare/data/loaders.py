"""Batches cut out of one uint8 tensor, on the device; the same for any number of devices."""

import time
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass

import torch
from torch import Tensor

from cnncompare.config.data import AugmentConfig
from cnncompare.data import augment
from cnncompare.data.augment import seed_of
from cnncompare.data.files import Findings
from cnncompare.data.source import Images, Split, read_images
from cnncompare.errors import DataError

_ORDER, _POLICY, _ERASE, _MIX = range(4)  # so that no two draws share a seed


@dataclass(frozen=True)
class RankInfo:
    """Which epoch, and which of how many processes, on what device."""

    epoch: int
    rank: int
    world_size: int
    device: torch.device


@dataclass(frozen=True)
class BatchOptions:
    """How every batch is made: `shape` (C, H, W), mean and sd of pixels in [0, 1]."""

    shape: tuple[int, int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    n_classes: int
    batch_size: int  # global
    seed: int
    workers: int


class Batches:
    """Iterates over one epoch of a split.

    Training yields (images float32 [b, C, H, W], targets), targets int64 [b], or float32
    [b, classes] when mixed; evaluation (`augment=None`) yields (images, labels int64 [b],
    positions int64 [b]), every image of the split exactly once over all processes; the label of an
    image that `findings` know as corrupt is -1, and batches whose positions are all in `done` are
    neither made nor decoded.
    `wait_s` is the seconds spent making batches since the last start of an iteration.
    """

    def __init__(
        self,
        split: Split,
        options: BatchOptions,
        augment: AugmentConfig | None,
        rank_info: Callable[[], RankInfo],
        resident: Callable[[Images, torch.device], Images],
        findings: Findings | None = None,
        done: Set[int] = frozenset(),
    ) -> None:
        self.split = split
        self.findings = findings or Findings(forgive=False)
        self.done = done
        self.options = options
        self.augment = augment
        self.wait_s = 0.0
        self._rank_info = rank_info
        self._resident = resident
        self._sent: dict[torch.device, tuple[Tensor, ...]] = {}

    def __len__(self) -> int:
        """Return the number of batches that each process gets."""
        world = self._rank_info().world_size
        if self.augment is None:
            return len(self._evaluation_chunks(self._rank_info().rank, world))
        return max(1, len(self.split) // self.options.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        self.wait_s = 0.0
        info = self._rank_info()
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
            images = self._normalized(augment.adapt(images, self.options.shape))
            yield images, labels.to(info.device), positions.to(info.device)

    def _evaluation_chunks(self, rank: int, world: int) -> list[Tensor]:
        """Cut the split into chunks of nearly one size, as many for each process, none empty.

        Validation within training needs that: there, processes wait for each forward pass. Which
        images share a batch does not depend on `done`, so that the numbers do not either.
        """
        n = len(self.split)
        _enough(n, world)
        rounds = min(-(-n // self.options.batch_size), n // world)
        chunks = torch.arange(n).tensor_split(rounds * world)[rank::world]
        left = [some for some in chunks if not set(some.tolist()) <= self.done]
        return left or list(chunks[-1:])  # without any, Lightning leaves the end of a test out

    def _labels(self, positions: Tensor) -> Tensor:
        labels, rows = self.split.labels[positions], self.split.rows[positions].tolist()
        for index, row in enumerate(rows):
            if row in self.findings.corrupt:
                labels[index] = -1
        return labels

    def _training(self, info: RankInfo) -> Iterator[tuple[Tensor, ...]]:
        """Move the epoch's draws and labels to the device at once, so that no step waits for it."""
        assert self.augment is not None
        draws = self._draws(info)
        positions = [draws.order[some] for some in draws.mine]
        labels, dy, dx, flips = (
            torch.stack(each).to(info.device).unbind()
            for each in (
                [self.split.labels[some] for some in positions],
                *([kind[some] for some in draws.mine] for kind in (draws.dy, draws.dx, draws.flip)),
            )
        )
        for step, images in enumerate(self._read(positions, info)):
            images = augment.adapt(images, self.options.shape)
            if self.augment.crop_padding:
                images = augment.crop(images, dy[step], dx[step], self.augment.crop_padding)
            if self.augment.flip:
                images = augment.flip(images, flips[step])
            yield self._finished(images, labels[step], draws.mine[step], step, info.epoch)

    def _finished(
        self, images: Tensor, labels: Tensor, some: Tensor, step: int, epoch: int
    ) -> tuple[Tensor, Tensor]:
        """Apply what libraries draw for themselves; their seeds are the places in the epoch."""
        assert self.augment is not None
        if self.augment.policy:
            images = augment.policy(self.augment.policy, images, self._seeds(epoch, _POLICY, some))
        images = self._normalized(images)
        if self.augment.erase:
            images = augment.erase(self.augment.erase, images, self._seeds(epoch, _ERASE, some))
        if not self.augment.mix:
            return images, labels
        seed = seed_of(self.options.seed, epoch, _MIX, step)
        images, targets = augment.mix(
            self.augment.mix, self.augment.mix_alpha, images, labels, self.options.n_classes, seed
        )
        return images[1:], targets[1:]  # the first was there only to be mixed into the second

    def _draws(self, info: RankInfo) -> "_Draws":
        """Draw the whole epoch for all processes, from (seed, epoch) alone."""
        assert self.augment is not None
        n, batch_size = len(self.split), self.options.batch_size
        _enough(n, info.world_size)
        if n < batch_size:
            batch_size = n - n % info.world_size
        generator = torch.Generator().manual_seed(seed_of(self.options.seed, info.epoch, _ORDER))
        offsets = torch.randint(0, 2 * self.augment.crop_padding + 1, (2, n), generator=generator)
        share = batch_size // info.world_size
        mine = torch.arange(info.rank * share, (info.rank + 1) * share)
        if self.augment.mix:  # the image before each process's first, round the global batch
            mine = torch.cat([(mine[:1] - 1) % batch_size, mine])
        return _Draws(
            order=torch.randperm(n, generator=generator),
            dy=offsets[0],
            dx=offsets[1],
            flip=torch.rand(n, generator=generator) < 0.5,
            mine=[mine + step * batch_size for step in range(n // batch_size)],
        )

    def _read(self, positions: list[Tensor], info: RankInfo) -> Iterator[Tensor]:
        images = self._resident(self.split.images, info.device)
        rows = [self.split.rows[some] for some in positions]
        if isinstance(images, Tensor) and rows:
            sizes = [len(some) for some in rows]
            rows = list(torch.split_with_sizes(torch.cat(rows).to(images.device), sizes))
        workers = -(-self.options.workers // info.world_size)  # all processes share the machine
        pinned = info.device.type == "cuda"
        for some in read_images(images, rows, workers, self.findings, pinned):
            yield some.to(info.device, non_blocking=True)

    def _normalized(self, images: Tensor) -> Tensor:
        mean, sd = self._moments(images.device)
        return images.float().sub_(mean).div_(sd)

    def _moments(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return mean and sd of pixels in [0, 255], [C, 1, 1], sent to the device once."""
        if device not in self._sent:
            self._sent[device] = tuple(
                torch.tensor(each, device=device).view(-1, 1, 1) * 255
                for each in (self.options.mean, self.options.std)
            )
        mean, sd = self._sent[device]
        return mean, sd

    def _seeds(self, epoch: int, what: int, some: Tensor) -> list[int]:
        return [seed_of(self.options.seed, epoch, what, number) for number in some.tolist()]


@dataclass(frozen=True)
class _Draws:
    """An epoch's draws: everything [N] is by place in the epoch, `mine` which places, per step."""

    order: Tensor
    dy: Tensor
    dx: Tensor
    flip: Tensor
    mine: list[Tensor]


def _enough(n: int, world: int) -> None:
    if n < world:
        raise DataError(f"{n} images cannot be divided over {world} devices; use more images")
