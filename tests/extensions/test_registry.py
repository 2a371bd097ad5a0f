"""Registration by name: duplicates, unknown names, and failed imports."""

import inspect

import pytest
import yaml

from cnncompare.config.callbacks import CallbacksConfig
from cnncompare.config.files import conf_folder
from cnncompare.config.optimization import SECTIONS, LossConfig
from cnncompare.config.output import LoggerConfig
from cnncompare.errors import ConfigError
from cnncompare.extensions import kinds
from cnncompare.extensions.registry import Registry
from cnncompare.extensions.resolve import resolve


def make() -> Registry:
    return Registry("optimizer", {"sgd": "cnncompare.training.optimizers"})


def test_a_registered_factory_is_found_by_its_name() -> None:
    registry = make()

    @registry.register("mine")
    def mine() -> str:
        return "built"

    assert registry.get("mine") is mine
    assert registry.names() == ["mine", "sgd"]
    assert registry.get("other") is None


def test_two_registrations_of_one_name_state_both_places() -> None:
    registry = make()
    registry.register("mine")(make)
    line = inspect.currentframe().f_lineno
    with pytest.raises(ConfigError) as caught:
        registry.register("mine")(make)
    assert str(caught.value) == (
        f"optimizer 'mine' is registered twice, in {__file__} line {line - 1} and in "
        f"{__file__} line {line + 2}; choose another name"
    )


def test_the_name_of_a_built_in_component_is_taken() -> None:
    with pytest.raises(ConfigError, match=r"twice, in .*training/optimizers\.py and in .*test_reg"):
        make().register("sgd")(make)


def test_an_unknown_name_is_answered_with_the_closest_and_where_it_was_looked_for() -> None:
    with pytest.raises(ConfigError) as caught:
        resolve(make(), "sdg")
    assert str(caught.value) == (
        "unknown optimizer 'sdg'; did you mean 'sgd'? (known: sgd; looked for it in cnncompare)"
    )


def test_what_a_file_registered_can_be_forgotten() -> None:
    registry = make()
    registry.register("mine")(make)
    registry.forget("another file")
    assert registry.get("mine") is make
    registry.forget(__file__)
    assert registry.get("mine") is None


@pytest.mark.parametrize("registry", kinds.REGISTRIES, ids=lambda registry: registry.kind)
def test_every_built_in_name_is_registered_by_its_module(registry: Registry) -> None:
    if registry.kind in ("data source", "logger", "model"):  # selected without a registry
        return
    for name in registry.builtin:
        assert callable(resolve(registry, name))


@pytest.mark.parametrize(
    ("registry", "group"),
    [
        (kinds.OPTIMIZERS, "optimizer"),
        (kinds.SCHEDULERS, "scheduler"),
        (kinds.LOSSES, "loss"),
        (kinds.CALLBACKS, "callbacks"),
        (kinds.LOGGERS, "logger"),
    ],
)
def test_every_built_in_name_has_a_file_and_a_section(registry: Registry, group: str) -> None:
    assert {path.stem for path in (conf_folder() / group).glob("*.yaml")} == set(registry.builtin)
    keys = {
        "callbacks": set(CallbacksConfig.model_fields),
        "logger": set(LoggerConfig.model_fields),
        **{name: set(sections) - {"own"} for name, sections in SECTIONS.items()},
    }
    assert keys[group] == set(registry.builtin)


def test_the_keys_of_a_file_are_those_of_its_section() -> None:
    for group, sections in SECTIONS.items():
        for name, section in sections.items():
            if name != "own":
                content = yaml.safe_load((conf_folder() / group / f"{name}.yaml").read_text())
                shared = set(LossConfig.model_fields) - {"name"} if group == "loss" else set()
                assert set(content) == set(section.model_fields) - shared, name
