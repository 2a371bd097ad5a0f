"""The option callbacks=inference_cost: a section of the record, and nothing else."""

import json
from datetime import datetime
from pathlib import Path

import pytest

from cnncompare.errors import Interrupted
from cnncompare.runs.run import Run
from cnncompare.training.callbacks import inference_cost
from cnncompare.training.train import train
from tests.composing import compose_config
from tests.inference.conftest import DIGITS

MEASURED = (
    *("model=lenet5", *DIGITS, "callbacks=inference_cost"),
    *("callbacks.inference_cost.runtimes=[eager]", "callbacks.inference_cost.seconds=0.01"),
)


def test_it_is_part_of_neither_the_identity_nor_the_protocol() -> None:
    plain = compose_config("model=lenet5", *DIGITS)
    measured = compose_config(*MEASURED)
    assert measured.run_id() == plain.run_id()
    assert measured.callbacks.enabled() == {}
    stopping = ("callbacks=[early_stopping,inference_cost]",)
    assert compose_config("model=lenet5", *DIGITS, *stopping).hash() == (
        compose_config("model=lenet5", *DIGITS, "callbacks=early_stopping").hash()
    )


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("callbacks.inference_cost.runtimes=[eagre]", "eagre"),
        (
            "callbacks.inference_cost.runtimes=[]",
            "expected a list of eager, compiled",
        ),
        ("callbacks.inference_cost.precisions=[int8]", "int8"),
        ("callbacks.inference_cost.seconds=0", "expected a number above 0"),
    ],
)
def test_invalid_options_are_refused(override: str, message: str) -> None:
    with pytest.raises(Exception, match=message):
        compose_config("model=lenet5", *DIGITS, "callbacks=inference_cost", override)


@pytest.fixture(scope="module")
def measured_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(compose_config(*MEASURED, f"output_root={tmp_path_factory.mktemp('outputs')}"))


def test_the_record_has_the_section_and_the_depth(measured_run: Run) -> None:
    record = json.loads((measured_run.folder / "run.json").read_text())
    section = record["inference"]
    assert section["device"] == "cpu"
    assert section["input_size"] == record["model"]["input_size"] == [1, 32, 32]
    assert record["model"]["depth"] == 5
    (row,) = section["rows"]  # one thread, which is all threads
    assert (row["runtime"], row["precision"], row["threads"]) == ("eager", "float32", 1)
    for key in ("latency_s", "latency_p95_s", "images_per_s", "batch_size"):
        assert section[key] == row[key] > 0
    assert section["threads"] == 1
    assert record["training"].get("callbacks", {}) == {}


def test_the_duration_of_the_run_excludes_the_measurement(measured_run: Run) -> None:
    record = measured_run.record
    assert record.finished_at is not None
    between = datetime.fromisoformat(record.finished_at) - datetime.fromisoformat(record.started_at)
    assert record.inference.measuring_s > 0.08
    assert record.wall_s == pytest.approx(
        between.total_seconds() - record.inference.measuring_s, abs=0.05
    )


def test_results_are_those_of_a_run_without_it(measured_run: Run, tmp_path: Path) -> None:
    plain = train(compose_config("model=lenet5", *DIGITS, f"output_root={tmp_path}")).record
    assert plain.inference is None
    assert plain.test == measured_run.record.test
    assert plain.best == measured_run.record.best


def test_an_interrupted_measurement_is_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*arguments: object, **options: object) -> None:
        raise Interrupted(15)

    config = compose_config(*MEASURED, f"output_root={tmp_path}")
    with monkeypatch.context() as patched:
        patched.setattr(inference_cost, "measure_inference", stop)
        with pytest.raises(Interrupted):
            train(config)
    stopped = Run.read(config.run_folder()).record
    assert (stopped.status, stopped.inference) == ("interrupted", None)
    assert stopped.test.acc1 is not None
    again = train(config).record
    assert again.status == "finished"
    assert again.inference.latency_s > 0
    assert again.test == stopped.test
