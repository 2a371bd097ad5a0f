"""Trains and tests the small task on two processes; run by test_prediction_writer.py."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytorch_lightning as pl
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[3]))

from cnncompare.training.callbacks.epoch_recorder import EpochRecorder
from cnncompare.training.callbacks.prediction_writer import PredictionWriter
from tests.training.callbacks.conftest import Clock, Loader, make_task, make_trainer


class Shared(Loader):
    """Each process gets its own share: the first two thirds, the second one third of a batch."""

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        rank = torch.distributed.get_rank()
        for batch in super().__iter__():
            cut = -(-2 * len(batch[0]) // 3)
            yield tuple(tensor[:cut] if rank == 0 else tensor[cut:] for tensor in batch)


class Data(pl.LightningDataModule):
    n_test = 11

    def train_dataloader(self) -> Loader:
        return Shared(24, evaluation=False)

    def val_dataloader(self) -> Loader:
        return Shared(12, evaluation=True)

    def test_dataloader(self) -> Loader:
        return Shared(11, evaluation=True)


def main(folder: Path) -> None:
    clock = Clock()
    callbacks: list[pl.Callback] = [EpochRecorder(folder, clock), PredictionWriter(folder)]
    trainer = make_trainer(folder, callbacks, devices=2, strategy="ddp")
    task, data = make_task(clock), Data()
    trainer.fit(task, datamodule=data)
    trainer.test(task, datamodule=data, verbose=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
