import math

import pytest

from cnncompare.bench.rounds import BenchRow
from cnncompare.bench.tune import (
    DEFAULT_MALLOC,
    Candidate,
    CandidateResult,
    compare_trainings,
    measure_candidate,
    recommendation,
    shorten,
)
from cnncompare.errors import RunError
from tests.composing import compose_config

BF16 = Candidate({"precision": "bf16-mixed", "channels_last": True})


def epochs(acc1: float, seconds: float, loss: float = 1.0, n: int = 4) -> list[dict[str, float]]:
    one = {"images": 1000, "seconds": seconds + 0.5, "saving_s": 0.5, "n_val": 1000}
    return [{**one, "train_loss": loss, "val_acc1": acc1}] * n


def test_the_command_line_can_be_typed() -> None:
    assert BF16.command_line == "trainer.precision=bf16-mixed trainer.channels_last=true"
    both = Candidate({"threads": 1}, {"A": "1"})
    assert both.command_line == "A=1 trainer.threads=1"


def test_an_evaluation_by_hand() -> None:
    tried = compare_trainings(BF16, epochs(0.5, 1.0), epochs(0.5, 2.0))
    assert tried.row.ratio == pytest.approx(2)  # without the checkpoints' half second
    assert tried.keeps_accuracy
    assert tried.pays_off
    # Newcombe's interval for 500 and 500 of 1,000: symmetric, half width near 1.96 sd
    assert tried.low == pytest.approx(-tried.high)
    assert tried.high == pytest.approx(1.96 * math.sqrt(2 * 0.25 / 1000), rel=0.01)


@pytest.mark.parametrize(
    ("acc1", "kept"), [(0.5, True), (0.48, True), (0.44, False), (0.1, False), (0.6, True)]
)
def test_a_significantly_lower_accuracy_is_not_kept(acc1: float, kept: bool) -> None:
    assert compare_trainings(BF16, epochs(acc1, 1.0), epochs(0.5, 2.0)).keeps_accuracy is kept


def test_a_loss_that_overflowed_is_not_kept() -> None:
    assert not compare_trainings(BF16, epochs(0.5, 1.0, math.nan), epochs(0.5, 2.0)).keeps_accuracy


def test_the_fastest_setting_that_keeps_accuracy_is_recommended() -> None:
    def tried(candidate: Candidate, ratio: float, low: float, keeps: bool) -> CandidateResult:
        row = BenchRow(candidate.command_line, ratio=ratio, ratio_low=low, n=4)
        return CandidateResult(candidate, row, keeps_accuracy=keeps)

    fast_but_wrong = tried(Candidate({"compile": True}), 3.0, 2.5, False)
    unsure = tried(Candidate({"threads": 1}), 2.5, 0.9, True)
    good = tried(Candidate({"precision": "bf16-mixed"}, DEFAULT_MALLOC), 2.0, 1.8, True)
    ranking = [fast_but_wrong, unsure, good]
    command = recommendation(ranking, ["model=resnet20"])
    assert command.startswith("fastest: MALLOC_PERTURB_=0 python")
    assert command.endswith("python -m cnncompare model=resnet20 trainer.precision=bf16-mixed")
    assert "no setting was faster" in recommendation([fast_but_wrong, unsure], [])


def test_the_short_training_takes_about_an_epochs_time(monkeypatch: pytest.MonkeyPatch) -> None:
    class FakeWorker:
        def request(self, command: str) -> dict[str, float]:
            return {
                "seconds": 1.0,
                "images": 1000,
                "batch_size": 128,
                "n_train": 2500,
                "n_val": 250,
            }

        def close(self) -> None: ...

    monkeypatch.setattr("cnncompare.bench.processes.BenchWorker", lambda *_: FakeWorker())
    config = compose_config("model=lenet5", "data=synthetic", "scheduler.warmup_epochs=10")
    short = shorten(config)
    assert short.data.limit_train == 2500  # 3 s would be 3,000 images
    assert short.data.limit_val == 250
    assert short.trainer.max_epochs == 5
    assert short.scheduler.warmup_epochs == 1.0


def test_a_process_that_fails_leads_to_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    class FakeWorker:
        def request(self, command: str) -> dict[str, float]:
            raise RunError("no compiler")

        def close(self) -> None: ...

    monkeypatch.setattr("cnncompare.bench.processes.BenchWorker", lambda *_: FakeWorker())
    tried = measure_candidate(compose_config("model=lenet5", "data=synthetic"), BF16)
    assert tried.row.reason == "no compiler"
    assert not tried.pays_off
