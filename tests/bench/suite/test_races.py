from pathlib import Path

import pytest

from cnncompare.bench.rounds import Goal, Row
from cnncompare.bench.suite.race_table import RACES
from cnncompare.bench.suite.races import Images, Race, Wanted, lap, our_words, run_race
from cnncompare.bench.suite.run_suite import data_words, fewer
from cnncompare.config.compose import compose_config
from cnncompare.errors import ConfigError, DataError, RunError

IMAGES = Images(("data=synthetic",), Path("images"), n_train=900, n_val=100, classes=10)


class FakeWorker:
    """Answers with seconds by what it is, and fails where it is told to."""

    def __init__(self, seconds: dict[str, float], fails: str = "") -> None:
        self.seconds = seconds
        self.fails = fails
        self.asked: list[str] = []

    def ask(self, command: str) -> dict[str, float]:
        self.asked.append(command)
        if command == self.fails:
            raise RunError("no bfloat16 here")
        return {"seconds": self.seconds[command], "images": 1000, "saving_s": 0.0}

    def close(self) -> None: ...


def race(**fields: object) -> Race:
    wanted = (
        Wanted("pipeline", "pipeline", "usual_pipeline", Goal(8, "at least")),
        Wanted("default", "default", "usual", Goal(2, "at least")),
        Wanted("best", "best", "usual", Goal(4, "at least")),
        Wanted("loop", "default", "bare", Goal(1.08, "at most"), seconds=True),
    )
    return Race("LeNet-5", ("model=lenet5",), "lenet5", 90, 10, wanted, rounds=3, **fields)  # type: ignore[arg-type]


def run_with(fakes: dict[str, FakeWorker], monkeypatch: pytest.MonkeyPatch) -> list[Row]:
    made = iter([fakes["usual"], fakes["default"], fakes["best"]])
    monkeypatch.setattr("cnncompare.bench.processes.Worker", lambda *_: next(made))
    return run_race(race(), IMAGES)


def fakes(fails: str = "") -> dict[str, FakeWorker]:
    return {
        "usual": FakeWorker({"warm": 9.0, "epoch": 4.0, "pipeline": 2.0}),
        "default": FakeWorker({"warm": 9.0, "epoch": 2.0, "pipeline": 0.2, "bare": 1.6}),
        "best": FakeWorker({"warm": 9.0, "epoch": 0.5}, fails),
    }


def test_a_race_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    workers = fakes()
    rows = {row.name: row for row in run_with(workers, monkeypatch)}
    assert (rows["pipeline"].ours, rows["pipeline"].other) == (5000, 500)
    assert rows["pipeline"].ratio == pytest.approx(10)
    assert rows["default"].ratio == pytest.approx(2)
    assert rows["best"].ratio == pytest.approx(8)
    assert (rows["loop"].ours, rows["loop"].other) == (2.0, 1.6)  # seconds
    assert rows["loop"].ratio == pytest.approx(1.25)
    assert [rows[name].reached for name in ("pipeline", "default", "loop")] == [True, True, False]
    assert workers["usual"].asked.count("epoch") == 3  # the warm-up is not counted


@pytest.mark.parametrize("command", ["warm", "epoch"])
def test_a_variant_that_fails_takes_only_its_own_row_along(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = {row.name: row for row in run_with(fakes(fails=command), monkeypatch)}
    assert rows["best"].ratio is None
    assert rows["best"].reason == "best: no bfloat16 here"
    assert rows["default"].ratio == pytest.approx(2)


def test_checkpoints_count_by_the_share_of_the_images() -> None:
    class Saving(FakeWorker):
        def ask(self, command: str) -> dict[str, float]:
            return {"seconds": 3.0, "images": 10, "saving_s": 1.0}

    assert lap(Saving({}), "epoch", share=1.0).seconds == 3.0  # type: ignore[arg-type]
    assert lap(Saving({}), "epoch", share=0.2).seconds == pytest.approx(2.2)  # type: ignore[arg-type]


@pytest.mark.parametrize("race", RACES, ids=lambda race: race.title)
def test_the_words_of_the_table_are_valid(race: Race) -> None:
    images = Images(("data=synthetic",), Path("images"), 45_000, 5_000, 10)
    for home in ("default", *race.settings):
        config = compose_config(our_words(race, images, home))
        assert config.data.batch_size == 128
    assert race.n_train % 128 == 0 or race.n_train > 10 * 128  # else much would be dropped


def test_data_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "it's, a=folder"
    for part in ("train", "test"):
        (folder / part).mkdir(parents=True)
    words, told = data_words(str(folder))
    assert compose_config(words).data.root == str(folder)
    assert str(folder) in told
    with pytest.raises(DataError, match="no folder with train"):
        data_words(str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    words, told = data_words(None)
    assert "stand-in" in told
    data = compose_config(words).data
    assert data.synthetic is not None
    assert (data.synthetic.n_train, data.synthetic.n_test) == (50_000, 10_000)
    assert data.augment.crop_padding == 4
    assert data.augment.flip
    few = compose_config(fewer(words)).data
    assert few.synthetic is not None
    assert few.synthetic.n_train == 5_000
    (tmp_path / ".cache/cnncompare/downloads/cifar-10-batches-py").mkdir(parents=True)
    assert data_words(None) == (["data=cifar10"], "CIFAR-10")
    assert fewer(["data=cifar10"]) == ["data=cifar10"]


def test_composing_tells_what_is_wrong_in_one_line() -> None:
    for words in (["modle=vgg16"], ["model=lenet55"], ["model=lenet5,vgg16"], ["model="]):
        with pytest.raises(ConfigError) as error:
            compose_config(words)
        assert "\n" not in str(error.value)
