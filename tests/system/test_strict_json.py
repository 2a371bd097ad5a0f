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


class Text(str):
    pass


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize(
    "content",
    [
        *([], {}, [[]], {"a": {}}, {"a": []}, [{}, [[1], {"b": [[], {}]}]]),
        *(0, -1, 10**18, 1e300, 1e-9, -0.0, 0.1, 3.0, True, False, None, "", "a"),
        {'quote"\\ \n\x00 ß 网 😀 \ud800': 'quote"\\ \t\x7f ß 网 😀'},
        {2: 2, 1.5: 3, True: 4, None: 5},
        {"x": [Text("text"), {Text("key"): 1}]},
        {"x": (1, (2.5, [True]))},
    ],
)
def test_indented_text_is_that_of_json(content: object, ascii_only: bool) -> None:
    for indent in (1, 2, 4):
        text = strict_json.dumps(content, indent=indent, ensure_ascii=ascii_only)
        assert text == json.dumps(content, indent=indent, ensure_ascii=ascii_only)


def test_another_type_is_refused_as_by_json() -> None:
    with pytest.raises(TypeError, match="set is not JSON serializable"):
        strict_json.dumps({"a": {1}}, indent=2)


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
