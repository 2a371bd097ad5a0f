"""The configured loss, built in or registered by a user's module."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

from cnncompare.config.extension import OwnSection
from cnncompare.config.optimization import AnyLossConfig
from cnncompare.extensions.kinds import LOSSES, register_loss
from cnncompare.extensions.resolve import call, resolve

Loss = Callable[[Tensor, Tensor], Tensor]
"""From logits [B, classes] and targets, int64 [B] or float [B, classes], to the mean, a scalar."""


def build_loss(config: AnyLossConfig) -> Loss:
    """Return the loss of training batches."""
    supplied = {"label_smoothing": config.label_smoothing}
    loss: Loss
    if isinstance(config, OwnSection):
        loss = config.own(LOSSES).build(**supplied)
    else:
        options = config.model_dump(exclude={"name", *supplied})
        loss = call(resolve(LOSSES, config.name), options=options, supplied=supplied)
    return loss


@register_loss("cross_entropy")
def _cross_entropy(*, label_smoothing: float) -> Loss:
    def loss(logits: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(logits, targets, label_smoothing=label_smoothing)

    return loss


@register_loss("focal")
def _focal(*, gamma: float, label_smoothing: float) -> Loss:
    """Return the loss of Lin et al. 2017, equation 4, with a softmax in place of the sigmoid.

    The cross-entropy of each class is weighted with (1 - p)^gamma, p its predicted probability.
    """

    def loss(logits: Tensor, targets: Tensor) -> Tensor:
        log_p = logits.log_softmax(dim=1)
        weights = (1 - log_p.exp()).clamp(min=0).pow(gamma)
        shares = class_shares(targets, logits, label_smoothing)
        return -(shares * weights * log_p).sum(dim=1).mean()

    return loss


@register_loss("bce")
def _bce(*, label_smoothing: float) -> Loss:
    """Return the binary cross-entropy of each class against all others, summed over the classes."""

    def loss(logits: Tensor, targets: Tensor) -> Tensor:
        shares = class_shares(targets, logits, label_smoothing)
        losses = F.binary_cross_entropy_with_logits(logits, shares, reduction="none")
        return losses.sum(dim=1).mean()

    return loss


def class_shares(targets: Tensor, logits: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Return the share of each class in the targets, [B, classes], smoothed as in cross-entropy."""
    n = logits.shape[1]
    shares = F.one_hot(targets, n) if targets.ndim == 1 else targets
    return shares.to(logits.dtype) * (1 - label_smoothing) + label_smoothing / n
