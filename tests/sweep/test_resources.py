import os

import pytest

from cnncompare.config.schema import Config
from cnncompare.errors import ConfigError
from cnncompare.sweep import resources as places
from cnncompare.sweep.resources import places_for
from tests.composing import compose_config


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have four GPUs and eight cores."""
    monkeypatch.setattr(places, "cuda_gpus", lambda: 4)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def job(*words: str) -> Config:
    return compose_config("data=digits", *words)


def test_one_job_per_gpu_each_seeing_its_own(machine: None) -> None:
    config = job()
    free = places_for([config])
    taken = [free.take(config) for _ in range(5)]
    assert taken[4] is None  # never more jobs than GPUs
    given = [place for place in taken if place]
    assert [p.environment["CUDA_VISIBLE_DEVICES"] for p in given] == ["0", "1", "2", "3"]
    assert [place.cores for place in given] == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert all(place.shared for place in given)
    free.give_back(given[2])
    again = free.take(config)
    assert again is not None
    assert again.environment == {"CUDA_VISIBLE_DEVICES": "2"}


def test_the_gpus_that_the_user_left_visible_are_used(
    machine: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-a,3")
    monkeypatch.setattr(places, "cuda_gpus", lambda: 2)
    free = places_for([job()])
    assert [unit.gpu for unit in free.units] == ["GPU-a", "3"]


def test_a_job_on_two_gpus_gets_two_and_waits_for_them(machine: None) -> None:
    one, two = job(), job("trainer.devices=2")
    free = places_for([one, two])
    first, second = free.take(one), free.take(two)
    assert first is not None
    assert second is not None
    assert second.environment == {"CUDA_VISIBLE_DEVICES": "1,2"}
    assert free.take(two) is None
    free.give_back(first)
    assert free.take(two) is not None


def test_a_cpu_runs_one_job_unless_told_otherwise_and_divides_its_cores(machine: None) -> None:
    alone = job("trainer.accelerator=cpu")
    place = places_for([alone]).take(alone)
    assert place is not None
    assert not place.shared
    assert place.environment == {}
    three = job("trainer.accelerator=cpu", "sweep.workers=3")
    cores = [unit.cores for unit in places_for([three]).units]
    assert sorted(core for group in cores for core in group) == list(range(8))
    assert {len(group) for group in cores} == {2, 3}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["sweep.workers=5"], "needs 5 GPUs, there are 4"),
        (["sweep.workers=3", "trainer.devices=2"], "needs 6 GPUs, there are 4"),
        (["sweep.workers=9", "trainer.accelerator=cpu"], "sweep.workers=8 would do"),
    ],
)
def test_more_than_there_is_is_refused(machine: None, words: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        places_for([job(*words)])
