"""Positions of training images, drawn so that every class is equally frequent."""

import torch
from torch import Tensor


def draw_balanced(labels: Tensor, generator: torch.Generator) -> Tensor:
    """Draw N positions with replacement, int64 [N], from images with `labels`, int64 [N].

    The numbers of draws of two classes differ by at most 1, and within a class every draw is
    uniform. The order is random.
    """
    by_class = labels.argsort(stable=True)
    counts = torch.bincount(labels)
    present = counts.nonzero().squeeze(1)
    n, n_classes = len(labels), len(present)
    order = torch.randperm(n_classes, generator=generator)  # those drawn once more differ by epoch
    drawn = present[order[torch.arange(n) % n_classes]][torch.randperm(n, generator=generator)]
    starts = counts.cumsum(0) - counts
    share = torch.rand(n, generator=generator, dtype=torch.float64)
    return by_class[starts[drawn] + (share * counts[drawn]).long()]
