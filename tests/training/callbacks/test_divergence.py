"""A training whose loss is not finite ends at once, with a record that strict parsers read."""

import json
from pathlib import Path
from typing import Any, NoReturn

import pytest
import torch

from cnncompare.errors import RunError
from cnncompare.training.lightning_module import ImageClassifier
from cnncompare.training.train import train
from tests.composing import compose_config

SMALL = (
    *("data=digits", "model=lenet5", "data.limit_train=200", "data.limit_test=51", "logger=[]"),
    *("trainer.max_epochs=2", "trainer.threads=1", "trainer.accelerator=cpu", "display=minimal"),
)


def refuse(constant: str) -> NoReturn:
    raise AssertionError(f"{constant} is no JSON")


def record_in(folder: Path) -> dict[str, Any]:
    (path,) = folder.rglob("run.json")
    content: dict[str, Any] = json.loads(path.read_text(), parse_constant=refuse)
    return content


def test_a_loss_that_is_not_finite_stops_the_run_at_that_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, steps = ImageClassifier.training_step, []

    def training_step(self: Any, *arguments: Any) -> torch.Tensor:
        steps.append(1)
        loss = original(self, *arguments)
        return loss * float("nan") if len(steps) == 2 else loss

    monkeypatch.setattr(ImageClassifier, "training_step", training_step)
    with pytest.raises(RunError, match="Diverged: the training loss is nan at step 2, epoch 1"):
        train(compose_config(*SMALL, f"output_root={tmp_path}", "data.batch_size=32"))
    record = record_in(tmp_path)
    assert len(steps) == 2
    assert record["status"] == "failed"
    assert record["error"]["type"] == "Diverged"
    assert (
        "with optimizer.lr=0.01; the model's own learning rate is 0.01"
        in (record["error"]["message"])
    )


@pytest.mark.parametrize("rate", ["1e20", "1e38"])
def test_a_huge_learning_rate_is_no_result(rate: str, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="Diverged"):
        train(compose_config(*SMALL, f"output_root={tmp_path}", f"optimizer.lr={rate}"))
    assert record_in(tmp_path)["test"]["acc1"] is None


def test_a_loss_that_grew_is_a_finding(tmp_path: Path) -> None:
    train(compose_config(*SMALL, f"output_root={tmp_path}", "optimizer.lr=1e6"))
    record = record_in(tmp_path)
    assert record["status"] == "finished"
    assert "diverged" in {finding["check"] for finding in record["training"]["health"]}


def test_the_first_loss_survives_an_interruption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    config = compose_config(*SMALL, f"output_root={tmp_path}", "optimizer.lr=1e6")
    original = ImageClassifier.on_train_epoch_start

    def on_train_epoch_start(self: Any) -> None:
        if self.current_epoch == 1:
            raise Killed
        original(self)

    with monkeypatch.context() as patch:
        patch.setattr(ImageClassifier, "on_train_epoch_start", on_train_epoch_start)
        with pytest.raises(Killed):
            train(config)
    train(config)
    evidence = {f["check"]: f["evidence"] for f in record_in(tmp_path)["training"]["health"]}
    assert evidence["diverged"].startswith("the training loss rose from 2.3 ")
