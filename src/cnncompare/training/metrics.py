"""Loss and correct predictions of a split, summed on the device and read once per epoch."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import Metric


def top5(logits: Tensor) -> Tensor:
    """Return the classes with the highest logits, best first.

    logits float [B, classes]; int64 [B, min(5, classes)]. What is counted and what is saved both
    come from here, so that ties are broken alike.
    """
    return logits.topk(min(5, logits.shape[1]), dim=1).indices


class ClassificationSums(Metric):
    """Sums over the images of one epoch and of every device, without waiting for the device.

    With fewer than five classes, top-5 is top-`classes`.
    """

    full_state_update = False
    loss_sum: Tensor
    correct1: Tensor
    correct5: Tensor
    n: Tensor

    def __init__(self) -> None:
        super().__init__()
        # float32 stops counting single images at 2**24; a sum over ImageNet needs more
        self.add_state("loss_sum", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        for name in ("correct1", "correct5", "n"):
            self.add_state(name, torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, logits: Tensor, targets: Tensor, losses_sum: Tensor) -> None:
        """Add one batch.

        logits float [B, classes]; targets int64 [B], or float [B, classes] of mixed images, which
        count as the class with the largest share; losses_sum, a scalar, the batch's summed loss.
        """
        labels = targets if targets.ndim == 1 else targets.argmax(dim=1)
        hits = top5(logits) == labels[:, None]
        # not in place: what is made in inference mode may not be changed outside it
        self.loss_sum = self.loss_sum + losses_sum.to(self.loss_sum.dtype)
        self.correct1 = self.correct1 + hits[:, 0].sum()
        self.correct5 = self.correct5 + hits.sum()
        self.n = self.n + len(labels)

    def compute(self) -> dict[str, float]:
        """Return loss (mean), acc1, acc5 in [0, 1], and the integers correct1, correct5, n.

        Over every device; all of them must ask. With no image at all, the first three are nan.
        """
        n, correct1, correct5 = int(self.n), int(self.correct1), int(self.correct5)
        means = [total / n if n else float("nan") for total in (float(self.loss_sum), correct1)]
        return {
            "loss": means[0],
            "acc1": means[1],
            "acc5": correct5 / n if n else float("nan"),
            "correct1": correct1,
            "correct5": correct5,
            "n": n,
        }

    def _apply(
        self, fn: Callable[[Tensor], Tensor], exclude_state: Sequence[str] = ""
    ) -> nn.Module:
        """Move to a device, but keep the types: Lightning's bf16-true converts whole modules.

        A sum in bfloat16 stops growing at 256 equal summands.
        """
        moved: Any = super()._apply(fn, exclude_state=("loss_sum", "correct1", "correct5", "n"))
        device = fn(torch.zeros((), dtype=torch.int64, device=self.n.device)).device
        for name, default in self._defaults.items():
            # MPS has no float64
            wide = torch.float32 if device.type == "mps" else torch.float64
            dtype = wide if name == "loss_sum" else torch.int64
            self._defaults[name] = default.to(device, dtype)  # type: ignore[union-attr]
            setattr(self, name, getattr(self, name).to(device, dtype))
        return moved  # type: ignore[no-any-return]
