import json
import math
from typing import NoReturn

import pytest

from cnncompare.system import strict_json


def refuse(constant: str) -> NoReturn:
    raise AssertionError(f"{constant} is no JSON")


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_becomes_null_at_any_depth(number: float) -> None:
    text = strict_json.dumps({"a": [number, {"b": (1.5, number)}], "c": number})
    assert json.loads(text, parse_constant=refuse) == {"a": [None, {"b": [1.5, None]}], "c": None}


def test_all_else_is_written_as_by_json() -> None:
    content = {"n": 3, "share": 0.1, "name": "ß", "none": None, "yes": True, "list": [1, "x"]}
    assert strict_json.dumps(content, indent=2) == json.dumps(content, indent=2)
    assert strict_json.dumps(content, ensure_ascii=False) == json.dumps(content, ensure_ascii=False)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a": ' * 100_000,
        '{"n": 1' + "0" * 400 + "}",
        '{"n": 9223372036854775808}',
        "{",
        b"\xff",
    ],
)
def test_what_would_fail_later_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"deep|64 bits|codec|Expecting|Exceeds"):
        strict_json.loads(text)


def test_numbers_that_are_not_finite_are_not_measured() -> None:
    assert strict_json.loads('[NaN, Infinity, -Infinity, 1e999, 1.5, "\\ud83d\\ude00"]') == [
        *[None] * 4,
        1.5,
        "\U0001f600",
    ]


def test_half_a_character_can_be_printed() -> None:
    content = strict_json.loads('{"name": "a\\udcff", "other": ["\\ud83d\\ude00"]}')
    assert strict_json.printable(content) == {"name": "a?", "other": ["\U0001f600"]}
