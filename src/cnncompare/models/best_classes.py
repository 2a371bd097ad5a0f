"""The classes with the highest logits, as training, testing and prediction choose them."""

from collections.abc import Sequence

import torch
from torch import Tensor

TOP = 5  # classes whose predictions are saved; with as many classes, top-5 says nothing


def top5(logits: Tensor) -> Tensor:
    """Return the classes with the highest logits, best first.

    logits float [B, classes]; returns int64 [B, min(5, classes)]. Sums, saved predictions and
    predictions for new images use this function, so that they break ties alike.
    """
    return logits.topk(min(TOP, logits.shape[1]), dim=1).indices


def mask_classes(logits: Tensor, classes: Sequence[int] | None) -> Tensor:
    """Return the logits with the lowest finite value for all but `classes`; None stands for all."""
    if classes is None:
        return logits
    allowed = torch.zeros(logits.shape[1], dtype=torch.bool, device=logits.device)
    allowed[list(classes)] = True
    return logits.masked_fill(~allowed, torch.finfo(logits.dtype).min)
