"""Validation of a composed configuration, with one line that says what is wrong."""

from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import ValidationError

from cnncompare.config.optimization import (
    AdamWConfig,
    ConstantConfig,
    CosineConfig,
    MultiStepConfig,
    OneCycleConfig,
    SGDConfig,
)
from cnncompare.config.schema import Config
from cnncompare.config.section import Section
from cnncompare.errors import ConfigError, closest


def validate(composed: DictConfig | Mapping[str, Any]) -> Config:
    """Return the typed configuration of what Hydra composed.

    Raises ConfigError with one line that names the key, what was found and what would be right.
    """
    if isinstance(composed, DictConfig):
        try:
            values: Any = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
        except OmegaConfBaseException as error:
            raise ConfigError(f"{str(error).splitlines()[0]} (key {error.full_key})") from None
    else:
        values = dict(composed)
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise ConfigError(_first_problem(error)) from None


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    path = [str(part) for part in problem["loc"]]
    _, where = _schema_at(path)
    key = ".".join(where)
    found = f"{key}={problem['input']!r}"
    match problem["type"]:
        case "extra_forbidden":
            return unknown_key(where)
        case "missing":
            return f"{key} is missing"
        case "value_error":
            return problem["msg"].removeprefix("Value error, ")
        case "union_tag_invalid":
            return f"{key}: {problem['msg']}"
        case _:
            message = problem["msg"]
            return f"{found}: {message[0].lower()}{message[1:]}"


# keys of earlier versions, and what took their place
RENAMED = {
    "callbacks": "display (the option bare is now minimal)",
    "data.damaged": "data.on_corrupt_image; its values "  # old name
    "stop, wrong, leave_out are now error, count_wrong, skip",  # old name
    "data.subset": "data.limit_test",  # old name
}


def unknown_key(path: list[str]) -> str:
    """Return the line for a key that the schema does not have, with those it has instead."""
    for depth, part in enumerate(path):
        replacement = RENAMED.get(".".join(path[: depth + 1]))
        if replacement:
            return f"{'.'.join(path)} is no longer a key; use {replacement}"
        section, _ = _schema_at(path[: depth + 1])
        known = sorted(section.model_fields) if section else []
        if part not in known:
            key = ".".join(path[: depth + 1])
            return f"unknown key {key}{closest(part, known)} (known: {', '.join(known)})"
    return f"unknown key {'.'.join(path)}"


def _schema_at(path: list[str]) -> tuple[type[Section] | None, list[str]]:
    """Follow `path` through the schema; return the innermost section and the path as typed."""
    section: type[Section] | None = Config
    typed: list[str] = []
    for depth, part in enumerate(path):
        if typed in (["optimizer"], ["scheduler"]) and part in _TAGGED:
            section = _TAGGED[part]  # pydantic inserts the tag of a union into the path
            continue
        typed.append(part)
        if depth < len(path) - 1 and section is not None:
            section = _subsection(section, part)
    return section, typed


def _subsection(section: type[Section], name: str) -> type[Section] | None:
    field = section.model_fields.get(name)
    candidates = [field.annotation, *getattr(field.annotation, "__args__", ())] if field else []
    for kind in candidates:
        if isinstance(kind, type) and issubclass(kind, Section):
            return kind
    return None


_TAGGED: dict[str, type[Section]] = {
    "sgd": SGDConfig,
    "adamw": AdamWConfig,
    "constant": ConstantConfig,
    "cosine": CosineConfig,
    "onecycle": OneCycleConfig,
    "multistep": MultiStepConfig,
}
