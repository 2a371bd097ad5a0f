"""Validation of a composed configuration, with one-line error messages."""

import re
from collections.abc import Mapping
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import ValidationError

from cnncompare.config.expected import invalid_value
from cnncompare.config.extension import OwnSections
from cnncompare.config.optimization import SECTIONS
from cnncompare.config.schema import Config
from cnncompare.config.section import Section
from cnncompare.config.suggestions import all_keys, suggest_keys
from cnncompare.errors import ConfigError


def validate(composed: DictConfig | Mapping[str, Any]) -> Config:
    """Return the typed configuration of a composed one.

    Raises ConfigError with one line: the key, the value and the valid values.
    """
    if isinstance(composed, DictConfig):
        try:
            values: Any = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
        except OmegaConfBaseException as error:
            raise ConfigError(_interpolation_problem(error)) from None
    else:
        values = dict(composed)
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise ConfigError(_first_problem(error, values)) from None


def _interpolation_problem(error: OmegaConfBaseException) -> str:
    """Return the line for an interpolation, such as ``${name}``, that has no value."""
    text, key = str(error).splitlines()[0], error.full_key
    if variable := re.search(r"Environment variable '(.+)' not found", text):
        return f"{key}: the environment variable {variable[1]} is not set"
    if name := re.search(r"Interpolation key '(.+)' not found", text):
        return f"{key}: ${{{name[1]}}} is not a key of the configuration"
    if name := re.search(r"Unsupported interpolation type (.+)", text):
        return f"{key}: there is no resolver {name[1]!r} for ${{{name[1]}:...}}"
    return f"{key}: {text}"


def _first_problem(error: ValidationError, values: Mapping[str, Any]) -> str:
    problem = error.errors()[0]
    loc = [str(name) for name in problem["loc"]]
    section, path = _schema_at(loc)
    key = ".".join(path)
    if key in RENAMED:
        return unknown_key_message(path)
    match problem["type"]:
        case "extra_forbidden":
            if section and len(path) == 2 and path[0] in SECTIONS:
                known = ", ".join(sorted(section.model_fields))
                near = "" if key in all_keys() else suggest_keys(key)
                return f"unknown key {key}{near} (known to {loc[1]}: {known})"
            return unknown_key_message(path)
        case "missing":
            return f"{key} is missing"
        case "value_error":
            return problem["msg"].removeprefix("Value error, ")
        case "union_tag_not_found":
            return f"{key}={problem['input']!r} is no section with a name and options"
        case _:
            return invalid_value(problem["loc"], values, problem["msg"])


# keys of earlier versions, and their replacements
RENAMED = {
    "callbacks.progress": "display.progress",  # old name
    "callbacks.confusion_matrix": "display.confusion_matrix",  # old name
    "callbacks.worst_mistakes": "display.worst_mistakes",  # old name
    "trainer.nodes": "trainer.num_nodes",  # old name
    "trainer.gradient_clip_norm": "trainer.gradient_clip_val",  # old name
    "data.damaged": "data.on_corrupt_image; its values "  # old name
    "stop, wrong, leave_out are now error, count_wrong, skip",  # old name
    "data.subset": "data.limit_test",  # old name
}

# options of the command line that -m replaces, and the keys of a single run
_OF_SWEEPS = {
    "seeds": "seed=1",
    "folds": "data.folds=5 data.fold=1",
    "holdouts": "data.holdout=1",
}


def unknown_key_message(path: list[str]) -> str:
    """Return the message for a key that is not in the schema, with the new or similar keys."""
    for depth, name in enumerate(path, start=1):
        key = ".".join(path[:depth])
        if key in _OF_SWEEPS:
            return f"{key} is an option of sweeps, -m {key}=5; a single run has {_OF_SWEEPS[key]}"
        if key in RENAMED:
            return f"{'.'.join(path)} is no longer a key; use {RENAMED[key]}"
        section, _ = _schema_at(path[:depth])
        if section and issubclass(section, OwnSections):
            group = ".".join(path[: depth - 1])
            return f"{'.'.join(path)} is a key only with {group}={name} or {group}=[...,{name}]"
        if name not in _known_keys(path[:depth], section):
            wanted = ".".join(path)
            return f"unknown key {key}{suggest_keys(wanted)} (--cfg job lists all keys)"
    return f"unknown key {'.'.join(path)}"


def _known_keys(path: list[str], section: type[Section] | None) -> set[str]:
    """Return the keys beside the last of `path`: those of a section, or of all its choices."""
    choices = SECTIONS.get(path[0], {}).values() if len(path) == 2 else ()
    fields = {name for choice in choices for name in choice.model_fields}
    return fields or set(section.model_fields if section else ())


def kind_of_key(path: list[str]) -> Literal["text", "list", "any", "other", "unknown"]:
    """Return whether the values of a key are text, lists, anything or of another type."""
    section: type[Section] | None = Config
    for name in path[:-1]:
        field = section.model_fields.get(name) if section else None
        if field is not None and get_origin(field.annotation) is dict:
            return "any"
        section = _subsection(section, name) if section else None
        if section and issubclass(section, OwnSections) and path[1] not in section.model_fields:
            return "any"
    field = section.model_fields.get(path[-1]) if section else None
    if field is None:
        return "unknown" if path[0] not in SECTIONS else _kind_in_union(path)
    if get_origin(field.annotation) is list:
        return "list"
    if any("dict" in str(getattr(m, "json_schema_input_type", "")) for m in field.metadata):
        return "any"  # text or keys
    return "text" if _accepts_text(field.annotation) else "other"


def _kind_in_union(path: list[str]) -> Literal["list", "other", "unknown"]:
    """Return the kind of a key that one of the losses, optimizers or schedulers has."""
    sections = (s for s in SECTIONS[path[0]].values() if path[-1] in s.model_fields)
    fields = [section.model_fields[path[-1]] for section in sections if len(path) == 2]
    if not fields:
        return "unknown"
    return "list" if get_origin(fields[0].annotation) is list else "other"


def _accepts_text(annotation: Any) -> bool:
    if get_origin(annotation) in (Union, UnionType, Annotated):
        return any(_accepts_text(member) for member in get_args(annotation))
    return annotation is str


def _schema_at(path: list[str]) -> tuple[type[Section] | None, list[str]]:
    """Return the section at `path` in the schema, and the path without pydantic's union tags."""
    section: type[Section] | None = Config
    keys: list[str] = []
    for depth, name in enumerate(path):
        if len(keys) == 1 and name in SECTIONS.get(keys[0], {}):
            section = SECTIONS[keys[0]][name]  # pydantic inserts the tag of a union into the path
            continue
        keys.append(name)
        if depth < len(path) - 1 and section is not None:
            section = _subsection(section, name)
    return section, keys


def _subsection(section: type[Section], name: str) -> type[Section] | None:
    field = section.model_fields.get(name)
    candidates = [field.annotation, *getattr(field.annotation, "__args__", ())] if field else []
    for kind in candidates:
        if isinstance(kind, type) and issubclass(kind, Section):
            return kind
    return None
