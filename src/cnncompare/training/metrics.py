"""Loss and correct predictions of a split, summed on the device and read once per epoch."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from cnncompare.errors import RunError
from cnncompare.models.best_classes import TOP, top5


class RecallSums(Metric):
    """Correct predictions and images of each class over one epoch and all ranks."""

    full_state_update = False
    correct: Tensor
    n: Tensor

    def __init__(self, classes: int) -> None:
        super().__init__()
        for name in ("correct", "n"):
            zeros = torch.zeros(classes, dtype=torch.int64)
            self.add_state(name, zeros, dist_reduce_fx="sum")

    def update(self, logits: Tensor, labels: Tensor) -> None:
        """Add one batch: logits float [B, classes], labels int64 [B]."""
        hits = (top5(logits)[:, 0] == labels).long()
        self.correct = self.correct.scatter_add(0, labels, hits)
        self.n = self.n.scatter_add(0, labels, torch.ones_like(labels))

    def compute(self) -> Tensor:
        """Return the mean recall of the classes with images; every rank must call this."""
        present = self.n > 0
        return (self.correct[present] / self.n[present]).mean()


class ClassificationSums(Metric):
    """Sums of loss and correct predictions over one epoch and all ranks.

    Updating does not synchronise with the device.
    """

    full_state_update = False
    loss_sum: Tensor
    correct1: Tensor
    correct5: Tensor
    n: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.classes: int | None = None  # known from the first batch
        # float32 cannot count beyond 2**24, too few for a sum over ImageNet
        self.add_state("loss_sum", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        for name in ("correct1", "correct5", "n"):
            self.add_state(name, torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, logits: Tensor, targets: Tensor, losses_sum: Tensor) -> None:
        """Add one batch.

        logits float [B, classes]; targets int64 [B], or float [B, classes] of mixed images, which
        count as the class with the largest share; losses_sum, a scalar, the sum of the losses.
        """
        labels = targets if targets.ndim == 1 else targets.argmax(dim=1)
        self.classes = logits.shape[1]
        hits = top5(logits) == labels[:, None]
        # not in place: tensors made in inference mode must not be changed outside it
        self.loss_sum = self.loss_sum + losses_sum.to(self.loss_sum.dtype)
        self.correct1 = self.correct1 + hits[:, 0].sum()
        self.correct5 = self.correct5 + hits.sum()
        self.n = self.n + len(labels)

    def compute(self) -> dict[str, Any]:
        """Return loss (mean), acc1, acc5 in [0, 1], and the integers correct1, correct5, n.

        The sums cover all ranks, and every rank must call this. Without images, the first three
        are nan. With up to five classes every image is among the top-5: acc5 and correct5 are None.
        """
        n, correct1, correct5 = int(self.n), int(self.correct1), int(self.correct5)
        mean_loss, acc1, acc5 = (
            total / n if n else float("nan") for total in (float(self.loss_sum), correct1, correct5)
        )
        meaningful = self.classes is None or self.classes > TOP
        return {
            "loss": mean_loss,
            "acc1": acc1,
            "acc5": acc5 if meaningful else None,
            "correct1": correct1,
            "correct5": correct5 if meaningful else None,
            "n": n,
        }

    def _apply(
        self, fn: Callable[[Tensor], Tensor], exclude_state: Sequence[str] = ""
    ) -> nn.Module:
        """Move to a device but keep the dtypes: Lightning's bf16-true converts whole modules.

        A sum in bfloat16 stops growing after 256 equal terms.
        """
        moved: Any = super()._apply(fn, exclude_state=("loss_sum", "correct1", "correct5", "n"))
        device = fn(torch.zeros((), dtype=torch.int64, device=self.n.device)).device
        for name, default in self._defaults.items():
            # MPS does not support float64
            wide = torch.float32 if device.type == "mps" else torch.float64
            dtype = wide if name == "loss_sum" else torch.int64
            self._defaults[name] = default.to(device, dtype)  # type: ignore[union-attr]
            setattr(self, name, getattr(self, name).to(device, dtype))
        return moved  # type: ignore[no-any-return]


class OwnMetrics(nn.Module):
    """The metrics of users' modules, by name, which cover all ranks."""

    def __init__(self, metrics: Mapping[str, Metric]) -> None:
        super().__init__()
        self._names = list(metrics)
        self._metrics = nn.ModuleList(metrics.values())  # a name may contain a dot

    def reset(self) -> None:
        """Start a new pass over a split."""
        for metric in self._members():
            metric.reset()

    def update(self, logits: Tensor, labels: Tensor) -> None:
        """Add the images of a batch: logits float [B, classes], labels int64 [B].

        The label of an image that could not be read is -1; it is left out.
        """
        readable = labels >= 0 if self._names else labels
        if not self._names or not readable.any():
            return
        for metric in self._members():
            metric.update(logits[readable].float(), labels[readable])

    def compute(self) -> dict[str, float]:
        """Return each metric's value; raises RunError if one is not a single number."""
        values = [metric.compute() for metric in self._members()]
        return {name: _number(name, value) for name, value in zip(self._names, values, strict=True)}

    def _members(self) -> list[Metric]:
        return [metric for metric in self._metrics if isinstance(metric, Metric)]


def _number(name: str, value: Any) -> float:
    if (isinstance(value, Tensor) and value.numel() != 1) or isinstance(value, (dict, list, tuple)):
        raise RunError(f"metric {name} computed {value!r:.60}; it must compute one number")
    return float(value)
