"""Saved predictions against the outputs of the network, on one and on two processes."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from sklearn.metrics import accuracy_score, top_k_accuracy_score

from cnncompare.errors import RunError
from cnncompare.training.callbacks.evaluation_journal import EvaluationJournal
from cnncompare.training.callbacks.prediction_writer import PredictionWriter

from .conftest import CLASSES, QUIET, Loader, SlowTask, make_task, make_trainer

pytestmark = QUIET


class Data(pl.LightningDataModule):
    """Eleven test images."""

    def __init__(self, loader: Loader, n_test: int) -> None:
        super().__init__()
        self.loader = loader
        self.n_test = n_test

    def test_dataloader(self) -> Loader:
        return self.loader


class Backwards(Loader):
    """The images in an order that is not the data set's own, `dropped` and `repeated`."""

    dropped: tuple[int, ...] = ()
    repeated: tuple[int, ...] = ()

    def __iter__(self):  # type: ignore[no-untyped-def]
        positions = [i for i in range(len(self.images)) if i not in self.dropped]
        for some in torch.tensor(positions[::-1] + list(self.repeated)).split(4):
            yield self.images[some], self.labels[some], some


def _test(folder: Path, loader: Loader, n_test: int = 11) -> SlowTask:
    task = make_task()
    trainer = make_trainer(folder, [PredictionWriter(folder)])
    trainer.test(task, datamodule=Data(loader, n_test), verbose=False)
    return task


def test_arrays_are_as_in_the_contract_and_in_the_data_sets_order(tmp_path: Path) -> None:
    loader = Backwards(11, evaluation=True)
    task = _test(tmp_path, loader)
    saved = np.load(tmp_path / "predictions.npz")
    probabilities = task(loader.images).softmax(1).detach()
    assert {name: (saved[name].dtype.name, saved[name].shape) for name in saved} == {
        "label": ("int16", (11,)),
        "top5": ("int16", (11, 5)),
        "confidence": ("float32", (11,)),
    }
    assert saved["label"].tolist() == loader.labels.tolist()
    assert saved["top5"].tolist() == np.argsort(-probabilities.numpy(), 1)[:, :5].tolist()
    np.testing.assert_allclose(saved["confidence"], probabilities.max(1).values, rtol=1e-6)


def test_accuracy_recomputed_is_the_accuracy_counted(tmp_path: Path) -> None:
    loader = Backwards(11, evaluation=True, seed=3)
    task = _test(tmp_path, loader)
    saved, counted = np.load(tmp_path / "predictions.npz"), task.test_sums.compute()
    assert accuracy_score(saved["label"], saved["top5"][:, 0]) == counted["acc1"]
    scores = task(loader.images).detach()
    assert counted["acc5"] == top_k_accuracy_score(
        loader.labels, scores, k=5, labels=range(CLASSES)
    )


@pytest.mark.parametrize(
    ("dropped", "repeated", "n_test", "found"),
    [
        ((3,), (), 11, "found 10, 0 of them more than once, 1 missing"),
        ((), (5,), 11, "found 12, 1 of them more than once, 0 missing"),
        ((3,), (5,), 11, "found 11, 1 of them more than once, 1 missing"),
        ((), (), 10, "1 beyond the last"),
    ],
)
def test_a_repeated_or_missing_image_is_an_error(
    tmp_path: Path, dropped: tuple[int, ...], repeated: tuple[int, ...], n_test: int, found: str
) -> None:
    loader = Backwards(11, evaluation=True)
    loader.dropped, loader.repeated = dropped, repeated
    with pytest.raises(RunError, match=found):
        _test(tmp_path, loader, n_test)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_two_processes_give_the_results_of_one(tmp_path: Path) -> None:
    """Uneven shares, gathered over gloo; and the epoch's row counts both processes' images."""
    script = Path(__file__).with_name("two_processes.py")
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, str(script), str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    alone = tmp_path / "alone"
    alone.mkdir()
    _test(alone, Loader(11, evaluation=True))
    one, two = np.load(alone / "predictions.npz"), np.load(tmp_path / "predictions.npz")
    assert all((one[name] == two[name]).all() for name in ("label", "top5"))
    np.testing.assert_allclose(two["confidence"], one["confidence"], rtol=1e-5)
    header, line = (tmp_path / "epochs.csv").read_text().splitlines()
    row = dict(zip(header.split(","), line.split(","), strict=True))
    assert float(row["train_s"]) == 12.0  # 6 steps of 2 s
    assert float(row["images_per_s"]) == 24 / 12.0  # 18 images in this process, 6 in the other


def test_an_interrupted_test_resumes_at_the_end_of_its_journal(tmp_path: Path) -> None:
    class Rest(Loader):
        """The images from the sixth on."""

        def __iter__(self):  # type: ignore[no-untyped-def]
            yield self.images[6:], self.labels[6:], torch.arange(6, len(self.images))

    whole = Backwards(11, evaluation=True)
    (tmp_path / "whole").mkdir()
    task = _test(tmp_path / "whole", whole)
    logits = task(whole.images[:6]).detach()
    best = logits.topk(5).indices
    journal = EvaluationJournal(tmp_path / "tested", 0, 5)
    journal.add(
        {
            "indices": torch.arange(6),
            "labels": whole.labels[:6],
            "top5": best,
            "confidence": logits.softmax(1).gather(1, best[:, :1]).squeeze(1),
            "losses": torch.zeros(6),
        }
    )
    journal.flush()
    saver = PredictionWriter(tmp_path, EvaluationJournal(tmp_path / "tested", 0, 5))
    make_trainer(tmp_path, [saver]).test(
        make_task(), datamodule=Data(Rest(11, evaluation=True), 11), verbose=False
    )
    for name, expected in np.load(tmp_path / "whole" / "predictions.npz").items():
        np.testing.assert_allclose(np.load(tmp_path / "predictions.npz")[name], expected, rtol=1e-6)
