import os

import pytest

from cnncompare.config.schema import Config
from cnncompare.errors import ConfigError
from cnncompare.sweep import resources
from cnncompare.sweep.resources import slots_for
from tests.composing import compose_config


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have four GPUs and eight cores."""
    monkeypatch.setattr(resources, "count_cuda_gpus", lambda: 4)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("SLURM_CPUS_PER_TASK", raising=False)


def job(*overrides: str) -> Config:
    return compose_config("data=digits", *overrides)


def test_each_job_gets_its_own_gpu_and_cores(machine: None) -> None:
    config = job()
    slots = slots_for([config])
    reserved = [slots.reserve(config) for _ in range(5)]
    assert reserved[4] is None  # never more jobs than GPUs
    own = [slot for slot in reserved if slot]
    assert [slot.environment["CUDA_VISIBLE_DEVICES"] for slot in own] == ["0", "1", "2", "3"]
    assert [slot.core_ids for slot in own] == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert all(slot.shared for slot in own)
    slots.release(own[2])
    again = slots.reserve(config)
    assert again is not None
    assert again.environment == {"CUDA_VISIBLE_DEVICES": "2"}


def test_only_the_gpus_visible_to_the_user_are_used(
    machine: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-a,3")
    monkeypatch.setattr(resources, "count_cuda_gpus", lambda: 2)
    slots = slots_for([job()])
    assert [group.gpu_id for group in slots.free] == ["GPU-a", "3"]


def test_a_job_on_two_gpus_reserves_two_and_waits_for_them(machine: None) -> None:
    one, two = job(), job("trainer.devices=2")
    slots = slots_for([one, two])
    first, second = slots.reserve(one), slots.reserve(two)
    assert first is not None
    assert second is not None
    assert second.environment == {"CUDA_VISIBLE_DEVICES": "1,2"}
    assert slots.reserve(two) is None
    slots.release(first)
    assert slots.reserve(two) is not None


def test_a_cpu_runs_one_job_by_default_and_divides_its_cores_among_more(machine: None) -> None:
    single = job("trainer.accelerator=cpu")
    slot = slots_for([single]).reserve(single)
    assert slot is not None
    assert not slot.shared
    assert slot.environment == {}
    three = job("trainer.accelerator=cpu", "sweep.workers=3")
    groups = [group.core_ids for group in slots_for([three]).free]
    assert sorted(core_id for group in groups for core_id in group) == list(range(8))
    assert {len(group) for group in groups} == {2, 3}


def test_the_allocation_of_slurm_limits_the_cores(
    machine: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "4")
    two = job("trainer.accelerator=cpu", "sweep.workers=2")
    assert [group.core_ids for group in slots_for([two]).free] == [(0, 1), (2, 3)]
    with pytest.raises(ConfigError, match="only 4 are available; use at most"):
        slots_for([job("trainer.accelerator=cpu", "sweep.workers=5")])


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["sweep.workers=5"], "needs 5 GPUs, but only 4 are available"),
        (["sweep.workers=3", "trainer.devices=2"], "needs 6 GPUs, but only 4 are available"),
        (["sweep.workers=9", "trainer.accelerator=cpu"], "use at most sweep.workers=8"),
    ],
)
def test_more_devices_than_available_are_refused(
    machine: None, overrides: list[str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        slots_for([job(*overrides)])


def test_the_numbers_of_gpus_are_refused_in_a_sweep(machine: None) -> None:
    config = compose_config("data=digits", "trainer.devices=[0,2]")
    with pytest.raises(ConfigError, match=r"devices=\[0,2\] is for a single run.*DEVICES=0,2"):
        slots_for([config])
