from types import SimpleNamespace
from typing import Any

import pytest
from lightning_fabric.plugins.environments.lightning import LightningEnvironment

from cnncompare.training.distributed import broadcast_finished


def trainer(world_size: int, environment: object) -> Any:
    """A trainer whose strategy broadcasts True, with a list of the calls."""
    calls: list[str] = []
    strategy = SimpleNamespace(
        cluster_environment=environment,
        setup_environment=lambda: calls.append("setup"),
        broadcast=lambda value: calls.append(f"broadcast {value}") or True,
    )
    return SimpleNamespace(world_size=world_size, strategy=strategy, calls=calls)


@pytest.mark.parametrize("environment", [None, LightningEnvironment()])
def test_a_single_process_or_one_started_by_lightning_does_not_communicate(
    environment: object,
) -> None:
    one = trainer(1 if environment is None else 2, environment)
    assert broadcast_finished(one, finished=True) is True
    assert broadcast_finished(one, finished=None) is False
    assert one.calls == []


def test_processes_started_together_receive_the_decision_of_rank_0() -> None:
    other = trainer(2, object())
    assert broadcast_finished(other, finished=None) is True
    assert other.calls == ["setup", "broadcast None"]
