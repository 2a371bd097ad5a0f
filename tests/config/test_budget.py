"""The section budget: its validation, and its part in the identity."""

import pytest

from cnncompare.errors import ConfigError
from tests.composing import compose_config

BASE = ("data=digits", "model=lenet5")


def test_without_a_budget_the_epochs_are_known() -> None:
    config = compose_config(*BASE, "trainer.max_epochs=7")
    assert config.known_epochs == 7
    assert config.budget.amount is None
    assert "budget" not in config.identity()


def test_the_folder_is_named_after_the_budget_and_not_after_the_chosen_epochs() -> None:
    config = compose_config(*BASE, "budget.seconds=600")
    chosen = config.with_epochs(57)
    assert chosen.trainer.max_epochs == 57
    assert config.known_epochs is chosen.known_epochs is None
    assert chosen.hash() == config.hash()
    assert chosen.recipe_hash() == config.recipe_hash()
    assert chosen.run_id() == config.run_id()
    assert config.run_id().startswith("lenet5-digits-b600s-d1-s0-")
    assert config.hash() == compose_config(*BASE, "budget.seconds=600.0").hash()


def test_other_budgets_have_other_folders() -> None:
    budgets = ("budget.seconds=600", "budget.seconds=60", "budget.macs=600", "budget.macs=1e15")
    configs = [compose_config(*BASE, budget) for budget in budgets]
    assert len({config.hash() for config in configs}) == 4
    assert "-b1e15macs-" in configs[-1].run_id()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("budget.seconds=0",), "budget.seconds=0: expected a number above 0"),
        (("budget.macs=-1e9",), "a number above 0"),
        (("budget.seconds=inf",), "finite"),
        (("budget.seconds=ten",), "a number above 0"),
        (("budget.seconds=60", "budget.macs=1e9"), "use one of them"),
        (("budget.seconds=60", "trainer.max_epochs=3"), "leave it out"),
        (("budget.macs=1e9", "trainer.max_epochs=0"), "leave it out"),
        (("budget.macs=1e9", "trainer.max_steps=9"), "trainer.max_steps=9 changes"),
        (("budget.macs=1e9", "trainer.limit_train_batches=2"), "trainer.limit_train_batches=2"),
        (("budget.macs=1e9", "trainer.fast_dev_run=true"), "whole epochs"),
    ],
)
def test_an_invalid_budget_is_refused(overrides: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        compose_config(*BASE, *overrides)
    assert "\n" not in str(caught.value)


def test_a_warm_up_is_compared_with_the_epochs_once_they_are_known() -> None:
    assert compose_config(*BASE, "budget.seconds=60", "scheduler.warmup_epochs=30")
