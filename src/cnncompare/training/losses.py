"""The configured loss, built in or registered by a user's module."""

from collections.abc import Callable
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from cnncompare.config.extension import OwnSection
from cnncompare.config.optimization import AnyLossConfig
from cnncompare.extensions.kinds import LOSSES, register_loss
from cnncompare.extensions.resolve import call, resolve
from cnncompare.training.class_weights import weight_sum

Loss = Callable[[Tensor, Tensor], Tensor]
"""From logits [B, classes] and targets, int64 [B] or float [B, classes], to the mean, a scalar."""


def build_loss(config: AnyLossConfig, class_weights: Tensor | None = None) -> Loss:
    """Return the loss of training batches; `class_weights`, float [classes], weight the images."""
    supplied: dict[str, Any] = {"label_smoothing": config.label_smoothing}
    supplied["class_weights"] = None if class_weights is None else class_weights.float()
    loss: Loss
    if isinstance(config, OwnSection):
        loss = config.own(LOSSES).build(**supplied)
    else:
        options = config.model_dump(exclude={"name", *supplied})
        loss = call(resolve(LOSSES, config.name), options=options, supplied=supplied)
    return loss


class _WeightedLoss(nn.Module):
    """A loss with weights of the classes, which follow the module to its device."""

    class_weights: Tensor | None

    def __init__(self, *, label_smoothing: float, class_weights: Tensor | None) -> None:
        super().__init__()
        self.label_smoothing = label_smoothing
        self.register_buffer("class_weights", class_weights, persistent=False)

    def _mean(self, losses: Tensor, targets: Tensor) -> Tensor:
        """Return the mean over the images of `losses` [B], which are weighted if there are weights.

        Its divisor is the sum of the weights of the images, as in torch's cross-entropy.
        """
        if self.class_weights is None:
            return losses.mean()
        return losses.sum() / weight_sum(self.class_weights, targets)


@register_loss("cross_entropy")
class _CrossEntropy(_WeightedLoss):
    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        smoothing = self.label_smoothing
        if self.class_weights is None:
            return F.cross_entropy(logits, targets, label_smoothing=smoothing)
        weights = self.class_weights.to(logits.dtype)
        losses_sum = F.cross_entropy(
            logits, targets, weights, label_smoothing=smoothing, reduction="sum"
        )
        return losses_sum / weight_sum(self.class_weights, targets)


@register_loss("focal")
class _Focal(_WeightedLoss):
    """The loss of Lin et al. 2017, equation 4, with a softmax in place of the sigmoid.

    The cross-entropy of each class is weighted with (1 - p)^gamma, p its predicted probability.
    """

    def __init__(
        self, *, gamma: float, label_smoothing: float, class_weights: Tensor | None
    ) -> None:
        super().__init__(label_smoothing=label_smoothing, class_weights=class_weights)
        self.gamma = gamma

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        log_p = logits.log_softmax(dim=1)
        factors = (1 - log_p.exp()).clamp(min=0).pow(self.gamma)
        shares = class_shares(targets, logits, self.label_smoothing)
        if self.class_weights is not None:
            shares = shares * self.class_weights.to(logits.dtype)
        return self._mean(-(shares * factors * log_p).sum(dim=1), targets)


@register_loss("bce")
class _BCE(_WeightedLoss):
    """The binary cross-entropy of each class against all others, summed over the classes.

    An image has the weight of its class; a mixed one, the mean of the weights of its classes.
    """

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        shares = class_shares(targets, logits, self.label_smoothing)
        losses = F.binary_cross_entropy_with_logits(logits, shares, reduction="none").sum(dim=1)
        if self.class_weights is not None:
            losses = losses * (class_shares(targets, logits) @ self.class_weights.to(logits.dtype))
        return self._mean(losses, targets)


def class_shares(targets: Tensor, logits: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Return the share of each class in the targets, [B, classes], smoothed as in cross-entropy."""
    n = logits.shape[1]
    shares = F.one_hot(targets, n) if targets.ndim == 1 else targets
    return shares.to(logits.dtype) * (1 - label_smoothing) + label_smoothing / n
