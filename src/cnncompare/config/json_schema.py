"""JSON Schema (draft 2020-12) of the configuration and of the files of a config group."""

import ast
import inspect
import io
import textwrap
import tokenize
from typing import Any

from cnncompare.config.options import sections_in
from cnncompare.config.schema import Config
from cnncompare.config.section import Section

DIALECT = "https://json-schema.org/draft/2020-12/schema"
GROUPS = tuple(name for name, field in Config.model_fields.items() if sections_in(field.annotation))

Node = dict[str, Any]
# a value of any type can be written as an interpolation, or as missing
_INTERPOLATION = {"type": "string", "pattern": r"\$\{|^\?\?\?$"}
_HYDRA = {
    "defaults": {"type": "array", "description": "Hydra's list of the files to merge."},
    "hydra": {"type": "object", "description": "Settings of Hydra, its sweeper and launcher."},
}


def json_schema(group: str | None = None) -> Node:
    """Return the schema of the whole configuration, or of the files of a config group.

    No key is required, because a file holds a part of the configuration, and every value can be an
    interpolation.
    """
    whole = Config.model_json_schema()
    definitions = {"Config": whole, **whole.pop("$defs")}
    for section in _all_sections(Config):
        _describe(definitions[section.__name__], section)
    for definition in definitions.values():
        _relax(definition)
    roots = [Config] if group is None else sections_in(Config.model_fields[group].annotation)
    for root in roots:
        definitions[root.__name__]["properties"] |= (
            _HYDRA if group is None else {"defaults": _HYDRA["defaults"]}
        )
    references = [{"$ref": f"#/$defs/{root.__name__}"} for root in roots]
    return {
        "$schema": DIALECT,
        "title": f"cnncompare {group or 'configuration'}",
        **(references[0] if len(references) == 1 else {"anyOf": references}),
        "$defs": _reachable(references, definitions),
    }


def _all_sections(section: type[Section]) -> list[type[Section]]:
    inner = [
        found
        for field in section.model_fields.values()
        for member in sections_in(field.annotation)
        for found in _all_sections(member)
    ]
    return [section, *inner]


def _describe(definition: Node, section: type[Section]) -> None:
    """Add the comment of each field as its description."""
    definition["description"] = inspect.getdoc(section) or ""
    for name, comment in field_comments(section).items():
        definition["properties"][name].setdefault("description", comment)


def field_comments(section: type[Section]) -> dict[str, str]:
    """Return the comments of the fields, which stand above a field or at the end of its line.

    Inherited fields are included.
    """
    found: dict[str, str] = {}
    for ancestor in reversed(section.__mro__):
        if issubclass(ancestor, Section):
            found |= _own_field_comments(ancestor)
    return found


def _own_field_comments(section: type[Section]) -> dict[str, str]:
    source = textwrap.dedent(inspect.getsource(section))
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = {t.start[0]: t for t in tokens if t.type == tokenize.COMMENT}
    (definition,) = ast.parse(source).body
    assert isinstance(definition, ast.ClassDef)
    found = {}
    for field in definition.body:
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            lines = _comment_lines(field, comments)
            text = " ".join(comments[line].string.removeprefix("#").strip() for line in lines)
            if text:
                found[field.target.id] = text[0].upper() + text[1:]
    return found


def _comment_lines(field: ast.AnnAssign, comments: dict[int, tokenize.TokenInfo]) -> list[int]:
    lines: list[int] = []
    line = field.lineno - 1
    while line in comments and comments[line].line.lstrip().startswith("#"):
        lines.insert(0, line)
        line -= 1
    within = range(field.lineno, (field.end_lineno or field.lineno) + 1)
    return [*lines, *(line for line in within if line in comments)]


def _relax(definition: Node) -> None:
    """Accept a part of the section, and interpolations as values.

    A component of the user's own accepts any key; only its module tells it from the built-in ones.
    """
    if definition.pop("required", None) and definition.get("additionalProperties"):
        definition["required"] = ["module"]  # without it, a misspelt key would be an option
    definition["properties"] = {
        name: _or_interpolation(value) for name, value in definition.get("properties", {}).items()
    }


def _or_interpolation(value: Node) -> Node:
    kept: Node = {key: value.pop(key) for key in ("description", "default") if key in value}
    value.pop("title", None)
    value.pop("discriminator", None)
    members = value.pop("oneOf", None) or value.pop("anyOf", None) or [value]
    return {**kept, "anyOf": [*members, _INTERPOLATION]}


def _reachable(references: list[Node], definitions: dict[str, Node]) -> dict[str, Node]:
    found: dict[str, Node] = {}
    waiting: list[Any] = list(references)
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, dict):
            name = str(node.get("$ref", "")).rpartition("/")[2]
            if name and name not in found:
                found[name] = definitions[name]
                waiting.append(definitions[name])
            waiting += node.values()
    return dict(sorted(found.items()))
