"""Descriptions of the valid values of a key, derived from its type in the schema."""

import math
from collections.abc import Mapping, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from cnncompare.config.optimization import SECTIONS
from cnncompare.config.options import sections_in
from cnncompare.config.schema import Config
from cnncompare.config.section import Section
from cnncompare.errors import closest

_LOWER = {"ge": "at least", "gt": "above"}
_UPPER = {"le": "at most", "lt": "below"}


def field_at(location: Sequence[int | str]) -> tuple[list[str], FieldInfo | None]:
    """Return the key and the field of one of pydantic's locations.

    What pydantic adds inside a field, such as the members of a union, is left out. The field is
    None for a key that the schema does not have.
    """
    section: type[Section] | None = Config
    field: FieldInfo | None = None
    path: list[str] = []
    for name in map(str, location):
        if section is not None and name in section.model_fields:
            path.append(name)
            field = section.model_fields[name]
            found = sections_in(field.annotation)
            section = found[0] if len(found) == 1 else None
        elif len(path) == 1 and name in SECTIONS.get(path[0], {}):
            section = SECTIONS[path[0]][name]
        elif field is None or section is not None:
            path.append(name)
            field = section = None
        else:
            break
    return path, field


def invalid_value(location: Sequence[int | str], values: Mapping[str, Any], message: str) -> str:
    """Return the line for an invalid value: the key, what was found, and what would be right.

    `values` is the whole configuration, and `message` that of pydantic, for keys without a field.
    """
    path, field = field_at(location)
    found: Any = values
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    if field is None:
        wanted = message.removeprefix("Input should be ")
        return f"{'.'.join(path)}={found!r}: expected {wanted}"
    members = _members(field.annotation, field.metadata)
    choices = [str(value) for kind, _ in members for value in _choices(kind)]
    wanted = _listed([text for kind, limits in members for text in _texts(kind, limits)])
    if isinstance(found, float) and not math.isfinite(found):
        wanted = wanted.replace("a number", "a finite number")
    near = closest(found, choices) if isinstance(found, str) else ""
    return f"{'.'.join(path)}={found!r}: expected {wanted}{near}"


def _members(kind: Any, limits: Sequence[Any]) -> list[tuple[Any, Sequence[Any]]]:
    """Return the types of a union with their constraints, null last."""
    if get_origin(kind) is Annotated:
        inner, *metadata = get_args(kind)
        nested = [
            limit
            for item in metadata
            for limit in (item.metadata if isinstance(item, FieldInfo) else [item])
        ]
        return _members(inner, [*limits, *nested])
    if get_origin(kind) in (Union, UnionType):
        found = [pair for member in get_args(kind) for pair in _members(member, limits)]
        return sorted(found, key=lambda pair: pair[0] is NoneType)
    return [(kind, limits)]


def _texts(kind: Any, limits: Sequence[Any]) -> list[str]:
    if kind is NoneType:
        return ["null"]
    if kind is bool:
        return ["true", "false"]
    if kind in (int, float):
        return [f"a {'whole ' if kind is int else ''}number{_range(limits)}"]
    if kind is str:
        has_pattern = any(getattr(limit, "pattern", None) for limit in limits)
        return ["text of letters, digits and ._+-, without spaces" if has_pattern else "text"]
    if get_origin(kind) is list:
        return [f"a list of {_items(get_args(kind)[0])}"]
    if isinstance(kind, type) and issubclass(kind, Section):
        return [f"a section with the keys {_listed(list(kind.model_fields)[:3], 'and')}"]
    return _choices(kind) or ["keys with values, such as {a: 1}"]


def _items(kind: Any) -> str:
    texts = _listed([text for member in _members(kind, []) for text in _texts(*member)])
    return texts.removeprefix("a ").replace("number", "numbers", 1)


def _choices(kind: Any) -> list[str]:
    return [str(value) for value in get_args(kind)] if get_origin(kind) is Literal else []


def _range(limits: Sequence[Any]) -> str:
    """Return the range of a number, such as " from 0 to 1"; "" without limits."""
    bounds = {
        name: getattr(limit, name)
        for limit in limits
        for name in (*_LOWER, *_UPPER)
        if getattr(limit, name, None) is not None
    }
    if {"ge", "le"} <= bounds.keys():
        return f" from {bounds['ge']} to {bounds['le']}"
    texts = [f"{text} {bounds[name]}" for name, text in (_LOWER | _UPPER).items() if name in bounds]
    return "".join([" of " if "ge" in bounds else " " if texts else "", " and ".join(texts)])


def _listed(texts: Sequence[str], last: str = "or") -> str:
    if len(texts) < 2:
        return "".join(texts)
    return f"{', '.join(texts[:-1])} {last} {texts[-1]}"
