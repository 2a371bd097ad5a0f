"""Batches: repeatable by (seed, epoch), the same on any number of devices, each image once."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import chi2_contingency
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torchvision.transforms import Compose, RandomCrop, RandomHorizontalFlip
from torchvision.transforms.functional import crop as reference_crop
from torchvision.transforms.functional import hflip, pad

from cnncompare.config.data import AugmentConfig
from cnncompare.data.loaders import Batches, BatchOptions, RankInfo
from cnncompare.data.module import ImageData
from cnncompare.data.source import full_split
from cnncompare.data.training_batches import TrainingBatches
from cnncompare.errors import DataError
from tests.data.conftest import MakeData


def attach(data: ImageData, epoch: int = 0, rank: int = 0, world: int = 1) -> ImageData:
    trainer: Any = SimpleNamespace(
        current_epoch=epoch,
        global_rank=rank,
        world_size=world,
        strategy=SimpleNamespace(root_device=torch.device("cpu")),
    )
    data.trainer = trainer
    return data


PLAIN = AugmentConfig()
MIXED = AugmentConfig(
    crop_padding=2, flip=True, policy="trivialaugment", erase=0.5, mix="cutmix", mix_alpha=1.0
)


def test_without_augmentation_an_epoch_is_a_permutation(synthetic_data: MakeData) -> None:
    data = synthetic_data(augment=PLAIN, batch_size=27)  # 270 images, ten batches
    images, labels = (torch.cat(some) for some in zip(*data.train_dataloader(), strict=True))
    split = data._splits.train
    mean, sd = (torch.tensor(some).view(3, 1, 1) for some in (data.mean, data.std))
    original = (split.images[split.rows] / 255 - mean) / sd
    position_of = {image.numpy().round(3).tobytes(): i for i, image in enumerate(original)}
    order = [position_of[image.numpy().round(3).tobytes()] for image in images]
    assert sorted(order) == list(range(270))
    assert order != sorted(order)
    assert torch.equal(split.labels[order], labels)
    assert images.dtype == torch.float32
    np.testing.assert_allclose(images.mean(dim=(0, 2, 3)), 0, atol=1e-4)
    np.testing.assert_allclose(images.std(dim=(0, 2, 3)), 1, atol=1e-3)


def test_crops_and_flips_equal_torchvisions_for_the_epochs_draws(synthetic_data: MakeData) -> None:
    data = synthetic_data(normalize="none")
    batches = data.train_dataloader()
    draws = batches._draws(data.rank_info())
    split = data._splits.train
    done = 0
    for images, _ in batches:
        for image in images:
            row = split.rows[draws.order[done]]
            dy, dx = draws.dy[done].item(), draws.dx[done].item()
            expected = reference_crop(pad(split.images[row], [4]), dy, dx, 32, 32)
            expected = hflip(expected) if draws.flip[done] else expected
            assert torch.equal((image * 255).round().byte(), expected)
            done += 1
    assert done == 256


def test_draws_are_uniform(synthetic_data: MakeData) -> None:
    data = synthetic_data(n_train=4000)
    batches = data.train_dataloader()
    rows, columns, flips = [], [], []
    for epoch in range(10):
        draws = batches._draws(attach(data, epoch).rank_info())
        rows.append(draws.dy)
        columns.append(draws.dx)
        flips.append(draws.flip)
    n = 36_000
    for offsets in (torch.cat(rows), torch.cat(columns)):
        counts = np.bincount(offsets, minlength=9)
        assert len(counts) == 9
        chi_square = ((counts - n / 9) ** 2 / (n / 9)).sum()
        assert chi_square < 30.0  # 8 degrees of freedom: exceeded once in 5,000
    assert abs(torch.cat(flips).float().mean() - 0.5) < 4 * (0.25 / n) ** 0.5


def _draws_seen(images: torch.Tensor) -> torch.Tensor:
    """Return the draws visible in coordinate images: one number for (dy, dx, flip), 0 to 161."""
    rows, columns = images[:, 0, 16, 16].long() - 13, images[:, 1, 16, 16:18].long()
    flipped = (columns[:, 0] > columns[:, 1]).long()
    return (rows * 9 + columns[:, 0] - 13 + flipped) * 2 + flipped


def test_crops_and_flips_are_distributed_as_by_torchvision() -> None:
    """Both crop an image of pixel coordinates; all 162 outcomes are equally frequent."""
    n = 16_000
    columns = torch.arange(1, 33, dtype=torch.uint8).expand(32, 32)
    image = torch.stack([columns.T, columns])
    torch.manual_seed(0)
    transform = Compose([RandomCrop(32, padding=4), RandomHorizontalFlip()])
    theirs = _draws_seen(torch.stack([transform(image) for _ in range(n)]))
    batches = Batches(
        full_split(image.expand(n, -1, -1, -1), torch.zeros(n, dtype=torch.int64)),
        BatchOptions((2, 32, 32), (0.0,) * 2, (1.0,) * 2, 2, batch_size=1000, seed=0, workers=0),
        AugmentConfig(crop_padding=4, flip=True),
        info=RankInfo(epoch=0, rank=0, world_size=1, device=torch.device("cpu")),
        resident=lambda images, device: images,
    )
    ours = torch.cat([_draws_seen((images * 255).round()) for images, _ in batches])
    counts = [np.bincount(seen, minlength=162) for seen in (theirs, ours)]
    assert [len(count) for count in counts] == [162, 162]
    assert min(count.min() for count in counts) > 50  # 99 are expected of each
    assert chi2_contingency(counts).pvalue > 0.001


def test_an_epoch_repeats_exactly_and_the_next_differs(synthetic_data: MakeData) -> None:
    def first_batch(seed: int, epoch: int) -> torch.Tensor:
        return next(iter(attach(synthetic_data(seed), epoch).train_dataloader()))[0]

    torch.manual_seed(1)  # must not have any influence
    once = first_batch(0, 3)
    assert torch.equal(once, first_batch(0, 3))
    assert not torch.equal(once, first_batch(0, 4))
    assert not torch.equal(once, first_batch(1, 3))


@pytest.mark.parametrize("policy", [AugmentConfig(crop_padding=4, flip=True), MIXED])
def test_training_does_not_depend_on_the_number_of_devices(
    synthetic_data: MakeData, policy: AugmentConfig
) -> None:
    data = synthetic_data(augment=policy)
    alone = list(attach(data, epoch=2).train_dataloader())
    shares = [
        list(attach(data, epoch=2, rank=rank, world=4).train_dataloader()) for rank in range(4)
    ]
    assert [len(share) for share in shares] == [len(alone)] * 4
    for step, (images, targets) in enumerate(alone):
        batches = [share[step] for share in shares]
        assert [len(batch[0]) for batch in batches] == [8] * 4
        assert torch.equal(torch.cat([batch[0] for batch in batches]), images)
        assert torch.equal(torch.cat([batch[1] for batch in batches]), targets)


def test_mixed_targets_are_shares_of_classes(synthetic_data: MakeData) -> None:
    images, targets = next(iter(synthetic_data(augment=MIXED).train_dataloader()))
    assert (images.shape, targets.shape) == ((32, 3, 32, 32), (32, 5))
    assert torch.allclose(targets.sum(dim=1), torch.ones(32))


def test_training_drops_the_last_incomplete_batch(synthetic_data: MakeData) -> None:
    batches = synthetic_data(batch_size=100).train_dataloader()  # of 270
    assert len(batches) == 2
    assert [len(labels) for _, labels in batches] == [100, 100]


@pytest.mark.parametrize("world", [1, 2, 3, 7])
@pytest.mark.parametrize("n", [7, 8, 50, 97])
def test_evaluation_counts_every_image_once(synthetic_data: MakeData, n: int, world: int) -> None:
    data = synthetic_data(n_test=n, batch_size=21)
    seen, lengths = [], []
    for rank in range(world):
        batches = attach(data, rank=rank, world=world).test_dataloader()
        lengths.append(len(batches))
        own = [(labels, positions) for images, labels, positions in batches]
        assert len(own) == len(batches)
        assert all(0 < len(labels) <= 21 for labels, _ in own)
        seen += own
    assert len(set(lengths)) == 1
    labels, positions = (torch.cat(some) for some in zip(*seen, strict=True))
    assert sorted(positions.tolist()) == list(range(n))
    assert torch.equal(labels, data.test_labels[positions])


def test_fewer_images_than_devices_are_rejected(synthetic_data: MakeData) -> None:
    data = attach(synthetic_data(n_test=5), world=6)
    with pytest.raises(DataError, match="5 images cannot be divided over 6 devices"):
        list(data.test_dataloader())


def test_waiting_time_restarts_with_each_iteration(synthetic_data: MakeData) -> None:
    batches = synthetic_data().train_dataloader()
    list(batches)
    first = batches.wait_s
    assert first > 0
    next(iter(batches))
    assert 0 < batches.wait_s < first


class _Sent(TorchDispatchMode):
    """Counts the transfers between the CPU and another device."""

    def __init__(self) -> None:
        super().__init__()
        self.n = 0

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        made = function(*args, **(kwargs or {}))
        devices = {
            leaf.device.type for leaf in tree_leaves((args, made)) if isinstance(leaf, torch.Tensor)
        }
        self.n += len(devices) > 1
        return made


def test_resident_images_need_no_transfer_per_training_batch(
    synthetic_data: MakeData,
) -> None:
    """`meta` replaces a GPU: it computes no values and raises if mixed with the CPU."""
    data = attach(synthetic_data(n_train=600))
    strategy: Any = data.trainer.strategy
    strategy.root_device = torch.device("meta")
    batches = iter(data.train_dataloader())
    with _Sent() as first:
        next(batches)
    with _Sent() as later:
        rest = list(batches)
    assert first.n > 0  # the images, their labels and the epoch's draws
    assert (later.n, len(rest)) == (0, 15)
    assert {some.device.type for batch in rest for some in batch} == {"meta"}


@pytest.mark.parametrize("augmentation", [PLAIN, MIXED])
def test_batches_of_one_step_have_the_images_of_the_undivided_batch(
    synthetic_data: MakeData, augmentation: AugmentConfig
) -> None:
    """On one and on two processes, in the same pairs of mixed images."""
    whole = list(synthetic_data(augment=augmentation, batch_size=24).train_dataloader())
    divided = synthetic_data(augment=augmentation, batch_size=24)
    divided.training = TrainingBatches(accumulate=3)
    for world in (1, 2):
        parts = [
            list(attach(divided, rank=r, world=world).train_dataloader()) for r in range(world)
        ]
        assert [len(part) for part in parts] == [3 * len(whole)] * world
        for step, (images, targets) in enumerate(whole):
            of_step = [batch for index in range(3) for part in parts
                       for batch in [part[3 * step + index]]]  # fmt: skip
            assert all(len(batch[0]) == 24 // 3 // world for batch in of_step)
            assert torch.equal(torch.cat([batch[0] for batch in of_step]), images)
            assert torch.equal(torch.cat([batch[1] for batch in of_step]), targets)
    assert max(len(images) for images, *_ in divided.val_dataloader()) <= 24 // 3


def test_overfitting_repeats_the_images_of_the_first_epoch(synthetic_data: MakeData) -> None:
    data = synthetic_data(augment=PLAIN, batch_size=27)
    plain = [list(attach(data, epoch).train_dataloader()) for epoch in (0, 1)]
    assert not torch.equal(plain[0][0][0], plain[1][0][0])
    data.training = TrainingBatches(repeat_order=True)
    for epoch in (0, 1, 2):
        repeated = list(attach(data, epoch).train_dataloader())
        assert all(torch.equal(a[0], b[0]) for a, b in zip(repeated, plain[0], strict=True))


def test_a_short_test_has_evenly_spaced_images_and_never_more_than_there_are(
    synthetic_data: MakeData,
) -> None:
    splits = synthetic_data()._prepared_splits()
    short = TrainingBatches(test_batches=2).shorten(splits, 10).test
    n = len(splits.test)
    assert torch.equal(short.rows, splits.test.rows[[i * n // 20 for i in range(20)]])
    assert TrainingBatches(test_batches=1000).shorten(splits, "auto").test is splits.test
    assert TrainingBatches().shorten(splits, 1).test is splits.test
