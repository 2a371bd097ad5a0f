"""YAML without objects and of limited depth: the C parser's stack overflows on deep nesting."""

import re
from typing import Any

import yaml

MOST_DEPTH = 100
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # 8 times as fast, if available
_OPENING = (yaml.SequenceStartEvent, yaml.MappingStartEvent)
_CLOSING = (yaml.SequenceEndEvent, yaml.MappingEndEvent)
_INDENTED = re.compile(rf"^ {{{MOST_DEPTH}}}", re.MULTILINE)
_ONE_LINE = re.compile(r"(?:[-?:] *){20}")  # "- - - a" opens a level with each dash


def loads(content: str | bytes) -> Any:
    """Return the content of a YAML document.

    Raises ValueError if it is not valid, has tags of objects, or is nested more deeply than
    `MOST_DEPTH`.
    """
    text = content if isinstance(content, str) else content.decode()
    try:
        if _may_be_deep(text):
            _check_depth(text)
        return yaml.load(text, Loader=_LOADER)
    except (yaml.YAMLError, RecursionError, OverflowError) as error:
        raise ValueError(str(error) or "nested too deeply") from None


def _may_be_deep(text: str) -> bool:
    flow = text.count("[") + text.count("{") > MOST_DEPTH
    return flow or bool(_INDENTED.search(text) or _ONE_LINE.search(text))


def _check_depth(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):  # keeps its own stack
        depth += isinstance(event, _OPENING) - isinstance(event, _CLOSING)
        if depth > MOST_DEPTH:
            raise ValueError(f"nested more than {MOST_DEPTH} levels deep")
