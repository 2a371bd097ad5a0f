from pathlib import Path

import pytest

from cnncompare.bench.rounds import BenchRow, Goal
from cnncompare.bench.suite.benchmark_table import BENCHMARKS
from cnncompare.bench.suite.run_suite import data_overrides, with_fewer_images
from cnncompare.bench.suite.training_benchmarks import (
    RowSpec,
    SuiteImages,
    TrainingBenchmark,
    measure_command,
    our_overrides,
    run_benchmark,
)
from cnncompare.config.compose import compose_config
from cnncompare.errors import ConfigError, DataError, RunError

IMAGES = SuiteImages(("data=synthetic",), Path("images"), n_train=900, n_val=100, classes=10)


class FakeWorker:
    """Replies with fixed seconds for each command, and fails at one of them."""

    def __init__(self, seconds: dict[str, float], fails: str = "") -> None:
        self.seconds = seconds
        self.fails = fails
        self.commands: list[str] = []

    def request(self, command: str) -> dict[str, float]:
        self.commands.append(command)
        if command == self.fails:
            raise RunError("no bfloat16 here")
        return {"seconds": self.seconds[command], "images": 1000, "saving_s": 0.0}

    def close(self) -> None: ...


def benchmark() -> TrainingBenchmark:
    rows = (
        RowSpec("pipeline", "pipeline", "baseline_pipeline", Goal(8, "at least")),
        RowSpec("default", "default", "baseline", Goal(2, "at least")),
        RowSpec("best", "best", "baseline", Goal(4, "at least")),
        RowSpec("loop", "default", "bare", Goal(1.08, "at most"), in_seconds=True),
    )
    return TrainingBenchmark("LeNet-5", ("model=lenet5",), "lenet5", 90, 10, rows, rounds=3)


def run_with(fakes: dict[str, FakeWorker], monkeypatch: pytest.MonkeyPatch) -> list[BenchRow]:
    made = iter([fakes["baseline"], fakes["default"], fakes["best"]])
    monkeypatch.setattr("cnncompare.bench.processes.BenchWorker", lambda *_: next(made))
    return run_benchmark(benchmark(), IMAGES)


def fakes(fails: str = "") -> dict[str, FakeWorker]:
    return {
        "baseline": FakeWorker({"warm": 9.0, "epoch": 4.0, "pipeline": 2.0}),
        "default": FakeWorker({"warm": 9.0, "epoch": 2.0, "pipeline": 0.2, "bare": 1.6}),
        "best": FakeWorker({"warm": 9.0, "epoch": 0.5}, fails),
    }


def test_a_benchmark_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    workers = fakes()
    rows = {row.name: row for row in run_with(workers, monkeypatch)}
    assert (rows["pipeline"].ours, rows["pipeline"].other) == (5000, 500)
    assert rows["pipeline"].ratio == pytest.approx(10)
    assert rows["default"].ratio == pytest.approx(2)
    assert rows["best"].ratio == pytest.approx(8)
    assert (rows["loop"].ours, rows["loop"].other) == (2.0, 1.6)  # seconds
    assert rows["loop"].ratio == pytest.approx(1.25)
    assert [rows[name].reached for name in ("pipeline", "default", "loop")] == [True, True, False]
    assert workers["baseline"].commands.count("epoch") == 3  # the warm-up is not counted


@pytest.mark.parametrize("command", ["warm", "epoch"])
def test_a_variant_that_fails_affects_only_its_own_rows(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = {row.name: row for row in run_with(fakes(fails=command), monkeypatch)}
    assert rows["best"].ratio is None
    assert rows["best"].reason == "best: no bfloat16 here"
    assert rows["default"].ratio == pytest.approx(2)


def test_checkpoint_time_is_scaled_by_the_share_of_the_images() -> None:
    class Saving(FakeWorker):
        def request(self, command: str) -> dict[str, float]:
            return {"seconds": 3.0, "images": 10, "saving_s": 1.0}

    assert measure_command(Saving({}), "epoch", share=1.0).seconds == 3.0  # type: ignore[arg-type]
    assert measure_command(Saving({}), "epoch", share=0.2).seconds == pytest.approx(2.2)  # type: ignore[arg-type]


@pytest.mark.parametrize("benchmark", BENCHMARKS, ids=lambda benchmark: benchmark.title)
def test_the_overrides_of_the_table_are_valid(benchmark: TrainingBenchmark) -> None:
    images = SuiteImages(("data=synthetic",), Path("images"), 45_000, 5_000, 10)
    for worker in ("default", *benchmark.settings):
        config = compose_config(our_overrides(benchmark, images, worker))
        assert config.data.batch_size == 128
    assert (
        benchmark.n_train % 128 == 0 or benchmark.n_train > 10 * 128
    )  # else much would be dropped


def test_data_overrides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "it's, a=folder"
    for split in ("train", "test"):
        (folder / split).mkdir(parents=True)
    overrides, description = data_overrides(str(folder))
    assert compose_config(overrides).data.root == str(folder)
    assert str(folder) in description
    with pytest.raises(DataError, match="must contain train/CLASS/"):
        data_overrides(str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    overrides, description = data_overrides(None)
    assert "synthetic images" in description
    data = compose_config(overrides).data
    assert data.synthetic is not None
    assert (data.synthetic.n_train, data.synthetic.n_test) == (50_000, 10_000)
    assert data.augment.crop_padding == 4
    assert data.augment.flip
    few = compose_config(with_fewer_images(overrides)).data
    assert few.synthetic is not None
    assert few.synthetic.n_train == 5_000
    (tmp_path / ".cache/cnncompare/downloads/cifar-10-batches-py").mkdir(parents=True)
    assert data_overrides(None) == (["data=cifar10"], "CIFAR-10")
    assert with_fewer_images(["data=cifar10"]) == ["data=cifar10"]


def test_invalid_overrides_are_refused_in_one_line() -> None:
    for overrides in (["modle=vgg16"], ["model=lenet55"], ["model=lenet5,vgg16"], ["model="]):
        with pytest.raises(ConfigError) as error:
            compose_config(overrides)
        assert "\n" not in str(error.value)
