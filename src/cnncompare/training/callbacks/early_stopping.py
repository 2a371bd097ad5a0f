"""Early stopping on validation accuracy, which a resumed training continues exactly."""

import pytorch_lightning as pl
from pytorch_lightning.callbacks import EarlyStopping

from cnncompare.extensions.kinds import register_callback


@register_callback("early_stopping")
class StopWithoutImprovement(EarlyStopping):
    """Ends the training after `patience` epochs without a better validation accuracy."""

    def __init__(self, patience: int, min_delta: float) -> None:
        super().__init__(
            "val_acc1", mode="max", patience=patience, min_delta=min_delta, verbose=False
        )

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop at once if the training was interrupted after its last epoch.

        The decision is not part of Lightning's checkpoint, only the number of epochs waited.
        """
        super().on_train_start(trainer, pl_module)
        if self.wait_count >= self.patience:
            trainer.should_stop = True
