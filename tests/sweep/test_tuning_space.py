"""The space of a tuning: its points, the settings at them, and refused ranges."""

import pytest

from cnncompare.errors import ConfigError
from cnncompare.sweep.tuning_space import parse_range, points, space_of
from tests.composing import compose_config

LENET, RESNET = (
    compose_config("data=digits", f"model={name}", "trainer.max_epochs=20")
    for name in ("lenet5", "resnet20")
)


def halton(index: int, base: int) -> float:
    """Return the radical inverse of `index`, by its definition."""
    share, found = 1.0, 0.0
    while index:
        share /= base
        found += share * (index % base)
        index //= base
    return found


def test_the_points_are_those_of_halton_and_more_continue_them() -> None:
    found = points(40)
    for index, point in enumerate(found, start=1):
        assert point == pytest.approx([halton(index, base) for base in (2, 3, 5)])
    assert points(7) == found[:7]
    assert points(0) == []


def test_networks_share_the_factors_of_their_own_defaults() -> None:
    space = space_of([LENET, RESNET], {})
    assert str(space) == "lr=0.1:10 weight_decay=0.1:10 warmup=0:0.2"
    for point in points(9):
        factors = []
        for config in (LENET, RESNET):
            settings = space.settings(config, point)
            factors.append(
                [
                    settings["optimizer.lr"] / config.optimizer.lr,
                    settings["optimizer.weight_decay"] / config.optimizer.weight_decay,
                    settings["scheduler.warmup_epochs"] / 20,
                ]
            )
        assert factors[0] == pytest.approx(factors[1], rel=1e-3)
        # by hand: 10^(2u - 1) is log-uniform from 0.1 to 10
        expected = [10 ** (2 * point[0] - 1), 10 ** (2 * point[1] - 1), 0.2 * point[2]]
        assert factors[0] == pytest.approx(expected, rel=1e-3)
    assert LENET.optimizer.lr != RESNET.optimizer.lr


def test_a_range_of_one_value_fixes_it() -> None:
    space = space_of([LENET], {"lr": "1:1", "warmup": "0:0"})
    settings = space.settings(LENET, points(1)[0])
    assert settings["optimizer.lr"] == LENET.optimizer.lr
    assert settings["scheduler.warmup_epochs"] == 0


@pytest.mark.parametrize(
    ("overrides", "space"),
    [
        (("optimizer=adam",), "lr=0.1:10 warmup=0:0.2"),
        (("scheduler=onecycle",), "lr=0.1:10 weight_decay=0.1:10"),
        (("budget.macs=1e12",), "lr=0.1:10 weight_decay=0.1:10"),
    ],
)
def test_a_dimension_that_a_network_lacks_is_left_out(
    overrides: tuple[str, ...], space: str
) -> None:
    config = compose_config("data=digits", "model=lenet5", *overrides)
    assert str(space_of([config], {})) == space
    missing = "weight_decay" if "weight_decay" not in space else "warmup"
    with pytest.raises(ConfigError, match="leave it out"):
        space_of([config], {missing: "0.1:0.5"})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("lr", text) for text in ("1", "0:1", "-1:1", "10:1", "a:b", "", "nan:1", "1:inf")),
        *(("warmup", text) for text in ("0:1", "0.5:0.1", "-0.1:0.5")),
    ],
)
def test_a_wrong_range_is_refused(name: str, text: str) -> None:
    with pytest.raises(ConfigError, match=f"{name}={text}: expected two") as error:
        parse_range(name, text)
    assert "\n" not in str(error.value)
