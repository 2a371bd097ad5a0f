"""One line for a wrong value of every key of the schema, in the project's words."""

import copy
import math
from collections.abc import Iterator, Sequence
from functools import cache
from types import NoneType
from typing import Any

import pytest
from pydantic.fields import FieldInfo

from cnncompare.config.expected import field_at, invalid_value
from cnncompare.config.optimization import SECTIONS
from cnncompare.config.options import sections_in
from cnncompare.config.schema import Config
from cnncompare.config.section import Section
from cnncompare.config.validation import validate
from cnncompare.errors import ConfigError
from tests.composing import compose_config

PYDANTIC = ("input should", "literal[", "constrained", "valid integer", "nullable", "type=")
NUMBERS = (-1, -0.5, 0, 2.5, 1.5e12, math.inf, math.nan)
WRONG: tuple[Any, ...] = ([[]], {"x": {}}, "no such value !", True, *NUMBERS)


def fields(section: type[Section], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the path and a choice, "" unless it is that of a group, of each field below."""
    for name, field in section.model_fields.items():
        here = (*path, name)
        yield here, ""
        if name in SECTIONS and not path:
            for choice, chosen in SECTIONS[name].items():
                yield from (((*here, key), choice) for key in chosen.model_fields)
        else:
            for inner in sections_in(field.annotation):
                yield from fields(inner, here)


KEYS = sorted(set(fields(Config, ())))


@cache
def plain() -> dict[str, Any]:
    return compose_config("data=synthetic", "model=lenet5").model_dump()


def base(path: Sequence[str], choice: str) -> dict[str, Any]:
    """Return a valid configuration that has the key's section."""
    config = copy.deepcopy(plain())
    rest: dict[str, Any] = {
        "data": {"torchvision": {"dataset": "MNIST", "train": {}, "test": {}}},
        "logger": {
            "mlflow": {"tracking_uri": "file", "experiment_name": "a"},
            "wandb": {"project": "a"},
            "csv": {},
            "tensorboard": {},
        },
        "callbacks": {"early_stopping": {}, "swa": {}, "inference_cost": {}, "gradient_norms": {}},
    }
    for section, keys in rest.items():
        config[section] |= keys
    config["trial"] = {
        "number": 1,
        "title": "a",
        "claim": "a",
        "source": "a",
        "minutes": 1,
        "variants": {"a": "model=lenet5", "b": "model=quicknet"},
        "comparisons": [{"better": "a", "worse": "b", "margin": 1}],
    }
    if choice:
        chosen = {"name": choice, "lr": 0.1} if path[0] == "optimizer" else {"name": choice}
        config[path[0]] = chosen | ({"name": "mine", "module": "mine"} if choice == "own" else {})
    return config


def message(path: Sequence[str], choice: str, value: Any, valid: dict[str, Any]) -> str | None:
    """Return the error for the value of one key, None if it is valid."""
    changed = copy.deepcopy(valid)
    section = changed
    for name in path[:-1]:
        inner = section[name]
        section = inner[0] if isinstance(inner, list) else inner
    section[path[-1]] = value
    try:
        validate(changed)
    except ConfigError as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    ("path", "choice"), KEYS, ids=lambda part: part if isinstance(part, str) else ".".join(part)
)
def test_a_wrong_value_of_any_key_is_one_line_that_names_the_key(
    path: tuple[str, ...], choice: str
) -> None:
    valid = base(path, choice)
    messages = [message(path, choice, value, valid) for value in WRONG]
    refused = [text for text in messages if text is not None]
    assert refused, f"{'.'.join(path)} takes everything"
    for text in refused:
        assert "\n" not in text
        assert path[-1].rstrip("s") in text, text
        assert not any(word in text.lower() for word in PYDANTIC), text


def test_a_field_without_limits_is_not_forgotten() -> None:
    """The keys are those of the schema, and each has a type that can be put into words."""
    assert len(KEYS) > 150
    for path, choice in KEYS:
        location = (path[0], choice, *path[1:]) if choice else path
        found, field = field_at(location)
        assert tuple(found) == path
        assert isinstance(field, FieldInfo)
        assert field.annotation is not NoneType


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("data.batch_size", 0, "a whole number of at least 1 or auto"),
        ("sweep.workers", 0, "auto or a whole number of at least 1"),
        ("data.batch_size", "large", "a whole number of at least 1 or auto"),
        ("optimizer.lr", -1, "a number above 0"),
        ("optimizer.lr", math.inf, "a finite number above 0"),
        ("data.val_fraction", 1.0, "a number above 0 and below 1"),
        ("data.image_size", 4, "a whole number from 8 to 1024 or null"),
        ("data.channels", 2, "1, 3 or null"),
        ("data.balance", "often", "true or false"),
        ("trainer.accelerator", "gpus", "auto, cpu, gpu or mps; did you mean 'gpu'?"),
        ("trainer.max_epochs", "x", "a whole number of at least 0 or null"),
        ("sweep.jobs", [1], "a list of text"),
        ("scheduler.milestones", [2.0], "a list of numbers above 0 and below 1"),
        ("name", "my run", "text of letters, digits and ._+-, without spaces"),
        ("model.options", 3, "keys with values, such as {a: 1}"),
        ("display", 3, "a section with the keys progress, confusion_matrix and worst_mistakes"),
    ],
)
def test_the_line_says_what_would_be_right(path: str, value: Any, expected: str) -> None:
    names = path.split(".")
    choice = "multistep" if names[0] == "scheduler" else ""
    valid = base(names, choice)
    assert message(names, choice, value, valid) == f"{path}={value!r}: expected {expected}"


def test_a_key_without_a_field_keeps_the_reason() -> None:
    text = invalid_value(("optimizer", "own", "mass"), {}, "Input should be a finite number")
    assert text == "optimizer.mass=None: expected a finite number"
