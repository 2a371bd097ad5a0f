"""ImageClassifier: the Lightning module; it is handed a network and knows loss and metrics."""

import hashlib
from collections.abc import Collection, Sequence
from typing import Any

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncompare.config.optimization import AdamWConfig, LossConfig, SGDConfig
from cnncompare.models.pretrained.finetune import freeze_norm_statistics
from cnncompare.training.metrics import ClassificationSums, top5
from cnncompare.training.optimizers import SchedulerConfig, build_optimizer, build_scheduler


class ImageClassifier(pl.LightningModule):
    """Trains a network to classify images by cross entropy.

    Training batches are (images [B, C, H, W], targets int64 [B] or float [B, classes]);
    validation and test batches carry each image's position in its split as a third tensor.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        seed: int,
        loss: LossConfig,
        optimizer: SGDConfig | AdamWConfig,
        scheduler: SchedulerConfig,
        aux_weight: float = 0.0,
        channels_last: bool = False,
        head: Collection[str] = (),
        head_lr: float | None = None,
        classes: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last) if channels_last else network
        self.seed = seed
        self.loss = loss
        self.optimizer = optimizer
        self.scheduler = scheduler
        self.aux_weight = aux_weight
        self.channels_last = channels_last
        self.head = head
        self.head_lr = head_lr
        self.classes = classes  # the only ones that a test image can be of; None: any
        self.train_sums = ClassificationSums()
        self.val_sums = ClassificationSums()
        self.test_sums = ClassificationSums()
        self.test_result: dict[str, float] | None = None

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute; the running hook's name, 40 times a step, not by nn.Module's long way.

        2 microseconds each, so 1 % of LeNet-5's step.
        """
        if name == "_current_fx_name":  # by Lightning
            self.__dict__[name] = value
        else:
            super().__setattr__(name, value)

    def forward(self, images: Tensor) -> Any:
        """Return logits [B, classes]; in training a network may add those of auxiliary heads."""
        if self.channels_last:
            images = images.contiguous(memory_format=torch.channels_last)
        return self.network(images)

    def on_train_epoch_start(self) -> None:
        """Start the epoch from a random state that depends on seed, epoch and rank alone.

        So a run that was interrupted continues with the numbers it would have drawn.
        """
        torch.manual_seed(_epoch_seed(self.seed, self.current_epoch, self.global_rank))
        freeze_norm_statistics(self.network)
        self.train_sums.reset()

    def training_step(self, batch: tuple[Tensor, Tensor], batch_index: int) -> Tensor:
        images, targets = batch
        logits, *auxiliary = _heads(self(images))
        main_loss = self._cross_entropy(logits, targets)
        self.train_sums.update(logits.detach(), targets, main_loss.detach() * len(images))
        shares = (self.aux_weight * self._cross_entropy(head, targets) for head in auxiliary)
        return sum(shares, start=main_loss)

    def on_validation_epoch_start(self) -> None:
        self.val_sums.reset()

    def validation_step(self, batch: tuple[Tensor, Tensor, Tensor], batch_index: int) -> None:
        images, labels, _ = batch
        logits = self(images)
        self.val_sums.update(logits, labels, F.cross_entropy(logits, labels, reduction="sum"))

    def on_validation_epoch_end(self) -> None:
        self.log("val_acc1", self.val_sums.compute()["acc1"], logger=False)

    def on_test_epoch_start(self) -> None:
        self.test_sums.reset()

    def test_step(
        self, batch: tuple[Tensor, Tensor, Tensor], batch_index: int
    ) -> dict[str, Tensor]:
        """Count the batch and return what is saved of each image, for the prediction saver.

        An image that could not be read has label -1, and no loss.
        """
        images, labels, indices = batch
        logits = self._masked(self(images).float())
        losses_sum = F.cross_entropy(logits, labels, reduction="sum", ignore_index=-1)
        self.test_sums.update(logits, labels, losses_sum)
        best = top5(logits)
        return {
            "indices": indices,
            "labels": labels,
            "top5": best,
            "confidence": logits.softmax(dim=1).gather(1, best[:, :1]).squeeze(1),
            "losses": F.cross_entropy(logits, labels, reduction="none", ignore_index=-1),
        }

    def _masked(self, logits: Tensor) -> Tensor:
        """Return the logits with those of classes that cannot occur as low as can be."""
        if self.classes is None:
            return logits
        allowed = torch.zeros(logits.shape[1], dtype=torch.bool, device=logits.device)
        allowed[list(self.classes)] = True
        return logits.masked_fill(~allowed, torch.finfo(logits.dtype).min)

    def on_test_epoch_end(self) -> None:
        self.test_result = self.test_sums.compute()  # by every process: it sums over them

    def configure_optimizers(self) -> Any:
        # not on a GPU, where torch's default is as good; Lightning cannot clip beside it
        fused = self.device.type == "cpu" and not self.trainer.gradient_clip_val
        optimizer = build_optimizer(
            self.network, self.optimizer, head=self.head, head_lr=self.head_lr, fused=fused
        )
        steps = int(self.trainer.estimated_stepping_batches)
        epochs = self.trainer.max_epochs or 1
        scheduler = build_scheduler(
            optimizer, self.scheduler, steps=steps, steps_per_epoch=steps // epochs
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }

    def _cross_entropy(self, logits: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(logits, targets, label_smoothing=self.loss.label_smoothing)


def _heads(outputs: Any) -> list[Tensor]:
    """Return the main logits first, then those of the auxiliary heads that there are.

    torchvision's GoogLeNet and Inception v3 return named tuples in training, the main one first.
    """
    if isinstance(outputs, Tensor):
        return [outputs]
    return [head for head in outputs if head is not None]


def _epoch_seed(seed: int, epoch: int, rank: int) -> int:
    digest = hashlib.sha256(f"{seed}/{epoch}/{rank}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
