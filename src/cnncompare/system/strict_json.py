"""JSON that every strict parser reads: numbers that are not finite become null."""

import json
import math
import re
from collections.abc import Callable
from contextlib import suppress
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any

# a number with an exponent of three digits, or with as many digits as the largest of 64 bits
_UNUSUAL_NUMBER = re.compile(r"(?<=[\s:\[,])-?\d(?:[\d.]*[eE]\+?\d{3}|\d{18})")


def dumps(content: Any, *, indent: int | None = None, ensure_ascii: bool = True) -> str:
    """Return `content` as JSON, with null in place of NaN and infinity."""
    finite = without_non_finite(content)
    if indent is not None:
        encode = encode_basestring_ascii if ensure_ascii else encode_basestring
        with suppress(_OtherTypeError):
            return _indented(finite, "\n", " " * indent, encode)
    return json.dumps(finite, indent=indent, ensure_ascii=ensure_ascii, allow_nan=False)


class _OtherTypeError(Exception):
    """A value or key that is left to the module json."""


def _indented(value: Any, newline: str, step: str, encode: Callable[[str], str]) -> str:
    """Return the JSON that the module json indents in three times as long; numbers are finite."""
    kind = type(value)
    if kind is str:
        return encode(value)
    if kind is float or kind is int:
        return repr(value)
    if value is None or kind is bool:
        return {None: "null", True: "true", False: "false"}[value]
    inner = newline + step
    if kind is list:
        items = [_indented(item, inner, step, encode) for item in value]
    elif kind is dict:
        items = [
            f"{_encoded_key(key, encode)}: {_indented(item, inner, step, encode)}"
            for key, item in value.items()
        ]
    else:
        raise _OtherTypeError
    opening, closing = "[]" if kind is list else "{}"
    body = inner + f",{inner}".join(items) + newline if items else ""
    return f"{opening}{body}{closing}"


def _encoded_key(key: Any, encode: Callable[[str], str]) -> str:
    if type(key) is not str:
        raise _OtherTypeError
    return encode(key)


def loads(content: str | bytes) -> Any:
    """Return the content of JSON.

    Numbers that are not finite, which other programs write, become None. Raises ValueError also for
    integers beyond 64 bits and for nesting too deep for the stack.
    """
    text = content if isinstance(content, str) else content.decode()
    try:
        if not _UNUSUAL_NUMBER.search(text):  # the parser of C alone is three times as fast
            return json.loads(text, parse_constant=lambda _: None)
        return json.loads(
            text, parse_int=_parse_int, parse_float=_parse_float, parse_constant=lambda _: None
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None


def printable(content: Any) -> Any:
    """Return the content with "?" instead of each half of a character, which no encoding has.

    File names that are not UTF-8 have such halves.
    """
    text = json.dumps(content, ensure_ascii=False)
    return json.loads(text.encode("utf-8", "replace"))


def _parse_int(digits: str) -> int:
    number = int(digits)
    if not -(2**63) <= number < 2**63:
        raise ValueError(f"the number {digits[:20]}... has more than 64 bits")
    return number


def _parse_float(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


def without_non_finite(content: Any) -> Any:
    """Return the nested dicts and lists with None in place of each number that is not finite."""
    if isinstance(content, float):
        return content if math.isfinite(content) else None
    if isinstance(content, dict):
        return {key: without_non_finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [without_non_finite(item) for item in content]
    return content
