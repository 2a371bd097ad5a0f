"""The Lightning module: loss, metrics and optimizer of an image classifier."""

import hashlib
import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torchmetrics import Metric

from cnncompare.config.optimization import AnyLossConfig, OptimizerConfig, SchedulerConfig
from cnncompare.models.best_classes import mask_classes, top5
from cnncompare.models.pretrained.finetune import freeze_norm_statistics
from cnncompare.training.losses import build_loss
from cnncompare.training.metrics import ClassificationSums, OwnMetrics, RecallSums
from cnncompare.training.optimizers import build_optimizer
from cnncompare.training.schedulers import build_scheduler


class ImageClassifier(pl.LightningModule):
    """Trains a network to classify images.

    Training batches are (images [B, C, H, W], targets int64 [B] or float [B, classes]);
    validation and test batches have each image's position in its split as a third tensor.
    `classes` are the classes that test images can have; None stands for all. Validation and test
    report the cross-entropy, whatever the loss of the training, and the `metrics` by name.
    `class_weights`, float [classes], weight the images in the training loss. If the training
    balances `balanced_classes` classes, the balanced accuracy on the validation split is logged.
    The learning rate schedule is that of `max_steps` optimizer steps, if given.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        seed: int,
        loss: AnyLossConfig,
        optimizer: OptimizerConfig,
        scheduler: SchedulerConfig,
        aux_weight: float = 0.0,
        channels_last: bool = False,
        head: Collection[str] = (),
        head_lr: float | None = None,
        classes: Sequence[int] | None = None,
        metrics: Mapping[str, Metric] | None = None,
        class_weights: Tensor | None = None,
        balanced_classes: int | None = None,
        max_steps: int | None = None,
    ) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last) if channels_last else network
        self.seed = seed
        self.loss = build_loss(loss, class_weights)
        self.optimizer = optimizer
        self.scheduler = scheduler
        self.aux_weight = aux_weight
        self.channels_last = channels_last
        self.head = head
        self.head_lr = head_lr
        self.classes = classes
        self.train_sums = ClassificationSums()
        self.val_sums = ClassificationSums()
        self.val_recall = None if balanced_classes is None else RecallSums(balanced_classes)
        self.test_sums = ClassificationSums()
        self.own_metrics = OwnMetrics(metrics or {})
        self.test_result: dict[str, Any] | None = None
        self.max_steps = max_steps
        self._validated = False  # in the current epoch

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute, bypassing nn.Module's slow path for Lightning's current hook name.

        Lightning sets it 40 times per step, at 2 microseconds each: 1 % of a LeNet-5 step.
        """
        if name == "_current_fx_name":
            self.__dict__[name] = value
        else:
            super().__setattr__(name, value)

    def forward(self, images: Tensor) -> Any:
        """Return logits [B, classes]; in training a network may add those of auxiliary heads."""
        if self.channels_last:
            images = images.contiguous(memory_format=torch.channels_last)
        return self.network(images)

    def on_train_epoch_start(self) -> None:
        """Seed the epoch's random state from the seed, the epoch and the rank.

        A resumed run therefore draws the same numbers as an uninterrupted one.
        """
        torch.manual_seed(_epoch_seed(self.seed, self.current_epoch, self.global_rank))
        freeze_norm_statistics(self.network)
        self._validated = False
        self.train_sums.reset()

    def training_step(self, batch: tuple[Tensor, Tensor], batch_index: int) -> Tensor:
        images, targets = batch
        logits, *auxiliary = _heads(self(images))
        main_loss = self.loss(logits, targets)
        self.train_sums.update(logits.detach(), targets, main_loss.detach() * len(images))
        weighted = (self.aux_weight * self.loss(head, targets) for head in auxiliary)
        return sum(weighted, start=main_loss)

    def on_validation_epoch_start(self) -> None:
        self.val_sums.reset()
        self.own_metrics.reset()
        if self.val_recall is not None:
            self.val_recall.reset()

    def validation_step(self, batch: tuple[Tensor, Tensor, Tensor], batch_index: int) -> None:
        images, labels, _ = batch
        logits = self(images)
        self.val_sums.update(logits, labels, F.cross_entropy(logits, labels, reduction="sum"))
        self.own_metrics.update(logits, labels)
        if self.val_recall is not None:
            self.val_recall.update(logits, labels)

    def on_validation_epoch_end(self) -> None:
        self._validated = True
        self.log("val_acc1", self.val_sums.compute()["acc1"], logger=False)
        if self.val_recall is not None:
            self.log("val_balanced_acc1", self.val_recall.compute(), logger=False)
        for name, value in self.own_metrics.compute().items():
            self.log(f"val_{name}", value, logger=False)

    def on_train_epoch_end(self) -> None:
        """Step a scheduler that depends on validation, before the checkpoint is saved."""
        if not self._validated:
            return
        for scheduler in (config.scheduler for config in self.trainer.lr_scheduler_configs):
            if isinstance(scheduler, ReduceLROnPlateau):
                scheduler.step(float(self.trainer.callback_metrics["val_acc1"]))

    def lr_scheduler_step(self, scheduler: Any, metric: Any) -> None:
        """Step a scheduler, but not one that depends on validation.

        Lightning would step it after the checkpoint, so that a resumed run lacked a step.
        """
        if not isinstance(scheduler, ReduceLROnPlateau):
            scheduler.step()

    def on_test_epoch_start(self) -> None:
        self.test_sums.reset()
        self.own_metrics.reset()

    def test_step(
        self, batch: tuple[Tensor, Tensor, Tensor], batch_index: int
    ) -> dict[str, Tensor]:
        """Update the sums and return the predictions that PredictionWriter saves.

        A corrupt image has label -1 and does not contribute to the loss.
        """
        images, labels, indices = batch
        logits = mask_classes(self(images).float(), self.classes)
        losses_sum = F.cross_entropy(logits, labels, reduction="sum", ignore_index=-1)
        self.test_sums.update(logits, labels, losses_sum)
        self.own_metrics.update(logits, labels)
        best = top5(logits)
        return {
            "indices": indices,
            "labels": labels,
            "top5": best,
            "confidence": logits.softmax(dim=1).gather(1, best[:, :1]).squeeze(1),
            "losses": F.cross_entropy(logits, labels, reduction="none", ignore_index=-1),
        }

    def on_test_epoch_end(self) -> None:
        # on every rank, since both sum over the ranks
        self.test_result = self.test_sums.compute() | {"metrics": self.own_metrics.compute()}

    def configure_optimizers(self) -> Any:
        # CPU only: on a GPU torch's default is as fast, and Lightning cannot clip fused gradients
        fused = self.device.type == "cpu" and not self.trainer.gradient_clip_val
        optimizer = build_optimizer(
            self.network, self.optimizer, head=self.head, head_lr=self.head_lr, fused=fused
        )
        planned = int(self.trainer.estimated_stepping_batches)
        steps = planned if self.max_steps is None else min(planned, self.max_steps)
        batches, per_step = self.trainer.num_training_batches, self.trainer.accumulate_grad_batches
        scheduler = build_scheduler(
            optimizer, self.scheduler, steps=steps, steps_per_epoch=math.ceil(batches / per_step)
        )
        by_epoch = isinstance(scheduler, ReduceLROnPlateau)
        settings = {"interval": "epoch" if by_epoch else "step", "monitor": "val_acc1"}
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, **settings}}


def _heads(outputs: Any) -> list[Tensor]:
    """Return the main logits, followed by those of the auxiliary heads, if any.

    In training, torchvision's GoogLeNet and Inception v3 return named tuples, main logits first.
    """
    if isinstance(outputs, Tensor):
        return [outputs]
    return [head for head in outputs if head is not None]


def _epoch_seed(seed: int, epoch: int, rank: int) -> int:
    digest = hashlib.sha256(f"{seed}/{epoch}/{rank}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
