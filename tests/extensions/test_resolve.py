"""Options of a user's factory are those of its signature."""

from typing import Any

import pytest

from cnncompare.errors import ConfigError
from cnncompare.extensions.registry import Registry
from cnncompare.extensions.resolve import call, check_options

OPTIMIZERS = Registry("optimizer", {}, ("lr",), positional=1)


def lion(params: list[int], lr: float, beta: float, *, decay: float = 0.0) -> tuple[Any, ...]:
    return params, lr, beta, decay


class Lion:
    def __init__(self, params: list[int], *, beta: float = 0.9) -> None:
        self.values = params, beta


def anything(params: list[int], **options: Any) -> dict[str, Any]:
    return options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "optimizer lion needs the option beta; set it in the component's YAML file"),
        (
            {"beta": 1, "deacy": 0},
            "optimizer lion has no option 'deacy'; did you mean 'decay'? (known: beta, decay)",
        ),
        ({"beta": 1, "lr": 0}, "optimizer lion has no option 'lr' (known: beta, decay)"),
        ({"beta": 1, "params": 0}, "optimizer lion has no option 'params'"),
    ],
)
def test_an_unknown_or_missing_option_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_options(OPTIMIZERS, "lion", lion, options)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("factory", "options"),
    [(lion, {"beta": 1}), (lion, {"beta": 1, "decay": 2}), (Lion, {}), (anything, {"x": 1})],
)
def test_declared_options_are_accepted(factory: Any, options: dict[str, Any]) -> None:
    check_options(OPTIMIZERS, "lion", factory, options)


def test_a_factory_gets_its_options_and_the_supplied_arguments_it_declares() -> None:
    supplied = {"lr": 0.1, "fused": True}
    assert call(lion, [1], options={"beta": 0.5}, supplied=supplied) == ([1], 0.1, 0.5, 0.0)
    assert call(Lion, [1], options={}, supplied=supplied).values == ([1], 0.9)
    assert call(anything, [1], options={"x": 1}, supplied=supplied) == {"x": 1}
