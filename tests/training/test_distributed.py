from types import SimpleNamespace
from typing import Any

import pytest
from lightning_fabric.plugins.environments.lightning import LightningEnvironment

from cnncompare.training.distributed import broadcast_finished


def trainer(world_size: int, environment: object) -> Any:
    """A trainer whose strategy broadcasts True, noting that it was asked to."""
    asked: list[str] = []
    strategy = SimpleNamespace(
        cluster_environment=environment,
        setup_environment=lambda: asked.append("setup"),
        broadcast=lambda value: asked.append(f"broadcast {value}") or True,
    )
    return SimpleNamespace(world_size=world_size, strategy=strategy, asked=asked)


@pytest.mark.parametrize("environment", [None, LightningEnvironment()])
def test_a_process_alone_or_started_by_lightning_asks_nobody(environment: object) -> None:
    one = trainer(1 if environment is None else 2, environment)
    assert broadcast_finished(one, finished=True) is True
    assert broadcast_finished(one, finished=None) is False
    assert one.asked == []


def test_processes_started_at_once_take_the_first_ones_word() -> None:
    other = trainer(2, object())
    assert broadcast_finished(other, finished=None) is True
    assert other.asked == ["setup", "broadcast None"]
