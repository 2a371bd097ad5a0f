import os

import pytest

from cnncompare.system.cores import available_core_ids, available_cores


@pytest.fixture(autouse=True)
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {5, 2, 3, 7}, raising=False)
    monkeypatch.delenv("SLURM_CPUS_PER_TASK", raising=False)


def test_the_affinity_limits_the_cores() -> None:
    assert available_core_ids() == [2, 3, 5, 7]
    assert available_cores() == 4


@pytest.mark.parametrize(("allocated", "ids"), [("2", [2, 3]), ("8", [2, 3, 5, 7])])
def test_the_allocation_of_slurm_limits_them_further(
    allocated: str, ids: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", allocated)
    assert available_core_ids() == ids
    assert available_cores() == len(ids)


def test_without_affinity_all_cores_of_the_machine_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert available_core_ids() == [0, 1, 2]
