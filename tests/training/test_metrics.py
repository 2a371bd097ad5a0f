"""ClassificationSums against scikit-learn and torch's own cross entropy."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.metrics import accuracy_score, balanced_accuracy_score, top_k_accuracy_score
from torch import nn

from cnncompare.models.best_classes import top5
from cnncompare.training.metrics import ClassificationSums, RecallSums


def _filled(logits: torch.Tensor, targets: torch.Tensor, size: int) -> ClassificationSums:
    sums = ClassificationSums()
    for start in range(0, len(logits), size):
        batch, labels = logits[start : start + size], targets[start : start + size]
        sums.update(batch, labels, F.cross_entropy(batch, labels, reduction="sum"))
    return sums


@pytest.mark.parametrize("classes", [3, 5, 10, 100])
def test_the_sums_agree_with_scikit_learn(classes: int) -> None:
    generator = torch.Generator().manual_seed(classes)
    logits = torch.randn(203, classes, generator=generator)
    labels = torch.randint(classes, (203,), generator=generator)
    found = _filled(logits, labels, size=32).compute()
    names = np.arange(classes)
    assert found["n"] == 203
    assert found["acc1"] == accuracy_score(labels, logits.argmax(1))
    if classes > 5:  # scikit-learn refuses k >= classes
        assert found["acc5"] == top_k_accuracy_score(labels, logits, k=5, labels=names)
    else:
        assert (found["acc5"], found["correct5"]) == (None, None)  # it would always be right
    assert found["correct1"] == round(found["acc1"] * 203)
    assert found["loss"] == pytest.approx(float(F.cross_entropy(logits.double(), labels)), rel=1e-6)


def test_mixed_images_count_as_their_larger_share() -> None:
    logits = torch.tensor([[3.0, 0.0], [3.0, 0.0]])
    found = _filled(logits, torch.tensor([[0.7, 0.3], [0.2, 0.8]]), size=2).compute()
    assert (found["correct1"], found["n"]) == (1, 2)


def test_integers_are_integers_and_reset_empties() -> None:
    sums = _filled(torch.eye(6), torch.arange(6), size=4)
    assert {name: type(sums.compute()[name]) for name in ("correct1", "correct5", "n")} == {
        "correct1": int,
        "correct5": int,
        "n": int,
    }
    sums.reset()
    sums.update(torch.arange(6.0)[None], torch.tensor([1]), torch.tensor(2.5))
    assert sums.compute() == {
        "loss": 2.5,
        "acc1": 0.0,
        "acc5": 1.0,
        "correct1": 0,
        "correct5": 1,
        "n": 1,
    }


def test_no_image_gives_nan_not_zero() -> None:
    sums = ClassificationSums()
    sums.update(torch.zeros(0, 6), torch.zeros(0, dtype=torch.int64), torch.tensor(0.0))
    found = sums.compute()
    assert np.isnan([found["loss"], found["acc1"], found["acc5"]]).all()
    assert found["n"] == 0


@pytest.mark.parametrize("convert", ["to", "bfloat16", "half"])
def test_sums_stay_wide_in_a_narrow_module(convert: str) -> None:
    module = nn.ModuleDict({"layer": nn.Linear(2, 2), "sums": ClassificationSums()})
    module.to(torch.bfloat16) if convert == "to" else getattr(module, convert)()
    sums = module["sums"]
    assert isinstance(sums, ClassificationSums)
    for _ in range(1000):
        sums.update(torch.eye(2), torch.arange(2), torch.tensor(1.0, dtype=torch.bfloat16))
    assert sums.loss_sum.dtype == torch.float64
    assert sums.compute()["loss"] == 0.5
    sums.reset()
    assert (sums.loss_sum.dtype, sums.n.dtype) == (torch.float64, torch.int64)


def test_moves_with_its_module() -> None:
    sums = ClassificationSums().to("meta")
    assert {state.device.type for state in (sums.loss_sum, sums.n)} == {"meta"}
    sums.reset()
    assert sums.correct5.device.type == "meta"


def test_may_be_updated_in_and_out_of_inference_mode() -> None:
    sums = ClassificationSums()
    with torch.inference_mode():
        sums.reset()
        sums.update(torch.eye(3), torch.arange(3), torch.tensor(1.0))
    sums.update(torch.eye(3), torch.arange(3), torch.tensor(1.0))
    assert sums.compute()["n"] == 6


def test_a_checkpoint_contains_no_sums() -> None:
    assert ClassificationSums().state_dict() == {}


def test_top5_is_best_first() -> None:
    assert top5(torch.tensor([[0.1, 0.9, 0.5]])).tolist() == [[1, 2, 0]]


def test_the_mean_recall_is_scikit_learns_balanced_accuracy() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(90, 4, generator=generator)
    labels = torch.randint(3, (90,), generator=generator)  # no image of the last class
    sums = RecallSums(4)
    for start in range(0, 90, 40):
        sums.update(logits[start : start + 40], labels[start : start + 40])
    with pytest.warns(UserWarning, match="not in y_true"):
        expected = balanced_accuracy_score(labels, logits.argmax(dim=1))
    assert float(sums.compute()) == pytest.approx(expected)
    sums.reset()
    assert int(sums.n.sum()) == 0
