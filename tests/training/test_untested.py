"""A run with test=false trains and validates, and leaves the test set alone."""

import json
from pathlib import Path

import pytest

from cnncompare.comparison.load import load_results
from cnncompare.errors import ConfigError
from cnncompare.terminal.result import print_run_result
from cnncompare.training.train import train
from tests.composing import compose_config
from tests.training.test_budget import SMALL


def test_nothing_of_the_test_set_is_recorded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    overrides = (*SMALL, f"output_root={tmp_path}", "trainer.max_epochs=1")
    run = train(compose_config(*overrides, "test=false"))
    record = json.loads((run.folder / "run.json").read_text())
    assert record["status"] == "finished"
    assert set(record["test"].values()) == {None}
    assert record["training"]["test_reads"] == 0
    assert record["best"]["val_acc1"] is not None
    names = {path.name for path in run.folder.iterdir()}
    assert {"epochs.csv", "config.yaml", "checkpoints"} <= names
    assert not {"predictions.npz", "per_class.csv"} & names
    assert not list(tmp_path.rglob("test-images-*"))
    print_run_result(run)
    assert "not evaluated (test=false)" in capsys.readouterr().out
    results, (skipped,) = load_results([tmp_path])
    assert results == []
    assert skipped.reason == "finished, but not tested: test=false"
    assert compose_config(*overrides).run_id() != run.record.id


def test_a_run_that_neither_trains_nor_tests_is_refused() -> None:
    with pytest.raises(ConfigError, match="nothing would be trained or tested"):
        compose_config(*SMALL, "trainer.max_epochs=0", "test=false")
