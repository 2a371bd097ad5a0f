"""Balanced sampling: equal classes, uniform images, the same on any number of ranks."""

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from cnncompare.config.data import AugmentConfig
from cnncompare.data.class_balance import draw_balanced
from cnncompare.data.loaders import Batches, BatchOptions, RankInfo
from cnncompare.data.source import full_split

LABELS = torch.tensor([0] * 70 + [2] * 20 + [3] * 10)[
    torch.randperm(100, generator=torch.Generator().manual_seed(1))
]


def drawn(seed: int, labels: torch.Tensor = LABELS) -> torch.Tensor:
    return draw_balanced(labels, torch.Generator().manual_seed(seed))


def test_every_class_is_drawn_equally_often_in_each_epoch() -> None:
    extra = []
    for seed in range(300):
        counts = torch.bincount(LABELS[drawn(seed)], minlength=4).tolist()
        assert counts[1] == 0  # without images
        assert sorted(counts[:1] + counts[2:]) == [33, 33, 34]
        extra.append(counts.index(34))
    assert chisquare(np.bincount(extra)[[0, 2, 3]]).pvalue > 0.001


def test_within_a_class_every_image_is_equally_likely() -> None:
    positions = torch.cat([drawn(seed) for seed in range(300)])
    counts = np.bincount(positions, minlength=100)
    for label in (0, 2, 3):
        assert chisquare(counts[LABELS.numpy() == label]).pvalue > 0.001


def test_the_order_of_classes_is_random() -> None:
    first = [int(LABELS[drawn(seed)[0]]) for seed in range(300)]
    assert chisquare(np.bincount(first)[[0, 2, 3]]).pvalue > 0.001


def epoch(seed: int, number: int, rank: int = 0, world_size: int = 1) -> list[torch.Tensor]:
    """Return the image numbers of the batches of an epoch."""
    images = torch.arange(100, dtype=torch.uint8).view(100, 1, 1, 1).expand(100, 1, 8, 8)
    options = BatchOptions(
        (1, 8, 8), (0.0,), (1.0,), 4, batch_size=10, seed=seed, workers=0, balance=True
    )
    info = RankInfo(number, rank, world_size, torch.device("cpu"))
    split = full_split(images, LABELS)
    batches = Batches(split, options, AugmentConfig(), info, lambda images, device: images)
    return [(images[:, 0, 0, 0] * 255).round().long() for images, _ in batches]


def test_an_epoch_depends_on_seed_and_epoch_alone() -> None:
    first = torch.cat(epoch(0, 3))
    assert len(first) == 100
    assert torch.equal(first, torch.cat(epoch(0, 3)))
    assert not torch.equal(first, torch.cat(epoch(0, 4)))
    assert not torch.equal(first, torch.cat(epoch(1, 3)))


@pytest.mark.parametrize("world_size", [2, 5])
def test_the_ranks_share_the_batches_of_one_device(world_size: int) -> None:
    ranks = [epoch(0, 1, rank, world_size) for rank in range(world_size)]
    for whole, *shares in zip(epoch(0, 1), *ranks, strict=True):
        assert torch.equal(whole, torch.cat(shares))
