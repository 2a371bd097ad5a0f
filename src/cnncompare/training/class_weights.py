"""Weights of the classes in the loss."""

import torch
from torch import Tensor

from cnncompare.config.schema import Config
from cnncompare.data.module import ImageData
from cnncompare.errors import DataError


def loss_weights(config: Config, data: ImageData) -> Tensor | None:
    """Return the weights of `loss.class_weights`, float64 [classes]; None without any.

    Balanced weights are n / (classes * n of the class) over the training split, as in
    scikit-learn; their mean over the training images is 1. Raises DataError for a class without
    training images.
    """
    counts = data.train_class_counts
    if config.loss.class_weights == "none" or counts is None:
        return None
    missing = (counts == 0).nonzero().squeeze(1).tolist()
    if missing:
        raise DataError(
            f"loss.class_weights=balanced: class {data.class_names[missing[0]]!r} has no training "
            f"images, so that its weight would be infinite; add images, or leave the class out"
        )
    return counts.sum() / (len(counts) * counts.double())


def weight_sum(weights: Tensor, targets: Tensor) -> Tensor:
    """Return the sum of the weights of a step's images, a scalar, the mean over the ranks.

    `targets` are int64 [B]; for mixed images, float [B, classes], the sum is their number, as in
    torch. DDP averages the gradients over the ranks, whose own sums differ.
    """
    total = (weights[targets] if targets.ndim == 1 else torch.ones_like(targets[:, 0])).sum()
    if torch.distributed.is_initialized():
        torch.distributed.all_reduce(total)
        total /= torch.distributed.get_world_size()
    return total
